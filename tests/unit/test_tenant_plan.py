"""The plan of a tenant: what is adopted, what is changed because it is Handover's own, and what stands in the way."""

from dataclasses import replace

import pytest

from shared.domain.tenant_setup import (
    MARKER,
    Action,
    Assigned,
    Change,
    DesiredTenant,
    FoundGroup,
    FoundProfile,
    FoundStatusPage,
    FoundTenant,
    Kind,
    WantedGroup,
    WantedProfile,
    WantedStatusPage,
)
from shared.rules.tenant_plan import adopted, plan

RULE = '(device.devicePhysicalIds -any (_ -eq "[OrderID]:HANDOVER"))'
WISH = DesiredTenant(
    device_group=WantedGroup(name="Autopilot PCs", rule=RULE),
    profile=WantedProfile(name="User-driven"),
    status_page=WantedStatusPage(name="Apps first"),
    licence_groups=(WantedGroup(name="Premium", products=("SPB",)),),
)
PCS = FoundGroup(id="pcs", name="Autopilot PCs", rule=RULE, rule_is_on=True)
PREMIUM = FoundGroup(id="premium", name="Premium", sku_ids=frozenset({"spb"}))
TO_PCS = Assigned(group_ids=frozenset({"pcs"}))
PROFILE = FoundProfile(
    id="profile",
    name="User-driven",
    description="",
    join="entra",
    usage="singleUser",
    user_type="standard",
    language="os-default",
    device_name_template="",
    allow_pre_provisioning=False,
    skip_keyboard_page=True,
    assigned=TO_PCS,
)
PAGE = FoundStatusPage(
    id="page",
    name="Apps first",
    description="",
    blocks_use=True,
    timeout_minutes=60,
    allow_reset_on_error=True,
    allow_log_collection=True,
    error_message="",
    priority=1,
    assigned=TO_PCS,
)
FOUND = FoundTenant(
    attested_scope="all",
    groups=(PCS, PREMIUM),
    profiles=(PROFILE,),
    status_pages=(PAGE,),
    sku_ids=(("SPB", "spb"),),
)


def _planned(found: FoundTenant) -> list[tuple[Action, Kind]]:
    return [(change.action, change.kind) for change in plan(WISH, found)]


def _the_one(found: FoundTenant, take_over: frozenset[str] = frozenset()) -> Change:
    (change,) = plan(WISH, found, take_over)
    return change


def test_what_somebody_else_made_and_fits_is_adopted_and_never_changed():
    assert plan(WISH, FOUND) == ()
    assert adopted(WISH, FOUND) == (
        (Kind.DEVICE_GROUP, "Autopilot PCs", "Autopilot PCs"),
        (Kind.PROFILE, "User-driven", "User-driven"),
        (Kind.STATUS_PAGE, "Apps first", "Apps first"),
        (Kind.LICENCE_GROUP, "Premium", "Premium"),
    )


def test_what_is_our_own_is_not_adopted():
    ours = replace(FOUND, profiles=(replace(PROFILE, description=MARKER),))

    assert plan(WISH, ours) == ()
    assert Kind.PROFILE not in [kind for kind, _, _ in adopted(WISH, ours)]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (replace(FOUND, mdm_authority="sccm"), Kind.MDM_AUTHORITY),
        (replace(FOUND, attested_scope=None), Kind.AUTOMATIC_ENROLMENT),
    ],
)
def test_what_no_application_may_do_is_a_persons(found: FoundTenant, kind: Kind):
    assert _planned(found) == [(Action.BY_A_PERSON, kind)]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (replace(FOUND, groups=(replace(PCS, description=MARKER, rule_is_on=False), PREMIUM)), Kind.DEVICE_GROUP),
        (replace(FOUND, profiles=(replace(PROFILE, description=MARKER, language="de-DE"),)), Kind.PROFILE),
        (replace(FOUND, status_pages=(replace(PAGE, description=MARKER, blocks_use=None),)), Kind.STATUS_PAGE),
    ],
)
def test_what_is_our_own_and_differs_is_updated(found: FoundTenant, kind: Kind):
    assert _planned(found) == [(Action.UPDATE, kind)]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (replace(FOUND, profiles=(replace(PROFILE, join="hybrid"),)), Kind.PROFILE),
        (replace(FOUND, status_pages=(replace(PAGE, blocks_use=False),)), Kind.STATUS_PAGE),
        (replace(FOUND, status_pages=(PAGE, replace(PAGE, id="other"))), Kind.STATUS_PAGE),
        (replace(FOUND, sku_ids=()), Kind.LICENCE_GROUP),
    ],
)
def test_what_is_in_the_way_and_not_ours_is_left_alone(found: FoundTenant, kind: Kind):
    change = _the_one(found)

    assert (change.action, change.kind) == (Action.BLOCKED, kind)
    assert change.why


def test_two_things_of_our_own_with_one_name_are_not_told_apart():
    twice = (replace(PROFILE, description=MARKER), replace(PROFILE, id="other", description=MARKER))

    assert "there are 2 of this name" in _the_one(replace(FOUND, profiles=twice)).why


def test_what_is_not_ours_is_changed_once_that_is_allowed():
    found = replace(FOUND, status_pages=(replace(PAGE, timeout_minutes=30),))

    change = _the_one(found, frozenset({"Apps first"}))

    assert (change.action, change.kind, change.id) == (Action.UPDATE, Kind.STATUS_PAGE, "page")


def test_a_device_group_in_the_way_blocks_what_is_for_it():
    found = replace(FOUND, groups=(replace(PCS, rule=""), PREMIUM), profiles=(), status_pages=())

    assert _planned(found) == [(Action.BLOCKED, kind) for kind in (Kind.DEVICE_GROUP, Kind.PROFILE, Kind.STATUS_PAGE)]
