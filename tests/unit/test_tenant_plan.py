"""The plan for the tenant: what is missing, what is in the way, what is a person's; and what is left alone."""

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
    Remembered,
    WantedGroup,
    WantedProfile,
    WantedStatusPage,
)
from shared.rules.tenant_plan import adopted, plan

RULE = "(rule)"
WISH = DesiredTenant(
    device_group=WantedGroup(name="PCs", rule=RULE),
    profile=WantedProfile(name="User-driven"),
    status_page=WantedStatusPage(name="Apps first"),
    licence_groups=(WantedGroup(name="Premium", products=("SPB",)),),
)
REACHED = Assigned(group_ids=frozenset({"g1"}))
GROUP = FoundGroup(id="G1", name="PCs", description=MARKER, rule=RULE, rule_is_on=True)
PREMIUM = FoundGroup(id="g2", name="Premium", description=MARKER, sku_ids=frozenset({"sku"}))
PROFILE = FoundProfile(
    id="p1",
    name="User-driven",
    description=MARKER,
    join="entra",
    usage="singleUser",
    user_type="standard",
    language="os-default",
    device_name_template="",
    allow_pre_provisioning=False,
    skip_keyboard_page=True,
    assigned=REACHED,
)
PAGE = FoundStatusPage(
    id="e1",
    name="Apps first",
    description=MARKER,
    blocks_use=True,
    timeout_minutes=60,
    allow_reset_on_error=True,
    allow_log_collection=True,
    error_message="",
    priority=1,
    assigned=REACHED,
)
READY = FoundTenant(
    attested_scope="all",
    groups=(GROUP, PREMIUM),
    profiles=(PROFILE,),
    status_pages=(PAGE,),
    sku_ids=(("SPB", "sku"),),
)
OTHERS_PAGE = replace(PAGE, id="e9", name="Others", description="", blocks_use=False)


def steps(found: FoundTenant, *take_over: str, wish: DesiredTenant = WISH) -> list[tuple[Action, Kind]]:
    return [(change.action, change.kind) for change in plan(wish, found, frozenset(take_over))]


def with_profile(**fields: object) -> FoundTenant:
    return replace(READY, profiles=(replace(PROFILE, **fields),))


def with_page(**fields: object) -> FoundTenant:
    return replace(READY, status_pages=(replace(PAGE, **fields),))


def with_group(**fields: object) -> FoundTenant:
    return replace(READY, groups=(replace(GROUP, **fields), PREMIUM))


def test_a_tenant_that_is_as_it_shall_be_needs_nothing() -> None:
    assert plan(WISH, READY) == ()
    assert adopted(WISH, READY) == ()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (replace(READY, mdm_authority="sccm"), [(Action.BY_A_PERSON, Kind.MDM_AUTHORITY)]),
        (replace(READY, attested_scope=None), [(Action.BY_A_PERSON, Kind.AUTOMATIC_ENROLMENT)]),
        (replace(READY, attested_scope="some"), [(Action.BY_A_PERSON, Kind.AUTOMATIC_ENROLMENT)]),
        (with_group(rule="(other)"), [(Action.UPDATE, Kind.DEVICE_GROUP)]),
        (with_group(rule_is_on=False), [(Action.UPDATE, Kind.DEVICE_GROUP)]),
        (with_profile(join="hybrid"), [(Action.UPDATE, Kind.PROFILE)]),
        (with_profile(usage="shared"), [(Action.UPDATE, Kind.PROFILE)]),
        (with_profile(user_type=None), [(Action.UPDATE, Kind.PROFILE)]),
        (with_profile(assigned=Assigned()), [(Action.ASSIGN, Kind.PROFILE)]),
        (with_profile(assigned=Assigned(all_devices=True)), []),
        (
            with_profile(assigned=Assigned(all_devices=True, excluded_group_ids=frozenset({"g8"}))),
            [(Action.ASSIGN, Kind.PROFILE)],
        ),
        (with_profile(assigned=replace(REACHED, filtered=True)), [(Action.BLOCKED, Kind.PROFILE)]),
        (
            with_profile(assigned=replace(REACHED, excluded_group_ids=frozenset({"g1"}))),
            [(Action.BLOCKED, Kind.PROFILE)],
        ),
        (with_page(blocks_use=False), [(Action.UPDATE, Kind.STATUS_PAGE)]),
        (with_page(blocks_use=None), [(Action.UPDATE, Kind.STATUS_PAGE)]),
        (with_page(tracks_every_app=False), [(Action.UPDATE, Kind.STATUS_PAGE)]),
        (with_page(assigned=Assigned(all_users=True)), [(Action.ASSIGN, Kind.STATUS_PAGE)]),
        (
            replace(READY, status_pages=(replace(PAGE, priority=2), OTHERS_PAGE)),
            [(Action.SET_PRIORITY, Kind.STATUS_PAGE)],
        ),
        (
            replace(READY, groups=(GROUP, replace(PREMIUM, sku_ids=frozenset()))),
            [(Action.LICENSE, Kind.LICENCE_GROUP)],
        ),
        (
            replace(READY, groups=(GROUP,)),
            [(Action.CREATE, Kind.LICENCE_GROUP), (Action.LICENSE, Kind.LICENCE_GROUP)],
        ),
        (replace(READY, groups=(GROUP,), sku_ids=()), [(Action.BLOCKED, Kind.LICENCE_GROUP)]),
        (replace(READY, sku_ids=()), [(Action.BLOCKED, Kind.LICENCE_GROUP)]),
    ],
)
def test_what_differs_is_changed_where_it_is_ours(found: FoundTenant, expected: list[tuple[Action, Kind]]) -> None:
    assert steps(found) == expected


@pytest.mark.parametrize(
    "found", [with_profile(description="", user_type="administrator"), with_page(description="", blocks_use=False)]
)
def test_what_is_not_ours_blocks_until_it_may_be_changed(found: FoundTenant) -> None:
    (blocked,) = plan(WISH, found)
    assert (blocked.action, bool(blocked.fields)) == (Action.BLOCKED, True)
    (change,) = plan(WISH, found, frozenset({blocked.name}))
    assert (change.action, change.fields) == (Action.UPDATE, blocked.fields)


def test_a_group_that_is_not_ours_and_has_another_rule_blocks_all_that_is_for_it() -> None:
    found = with_group(description="", rule="(other)")
    assert steps(found) == [
        (Action.BLOCKED, Kind.DEVICE_GROUP),
        (Action.BLOCKED, Kind.PROFILE),
        (Action.BLOCKED, Kind.STATUS_PAGE),
    ]
    assert steps(replace(found, profiles=(), status_pages=())) == steps(found)
    for_all = replace(WISH, status_page=replace(WISH.status_page, all_devices=True))
    page = with_page(assigned=Assigned(all_devices=True)).status_pages
    assert steps(replace(found, status_pages=page), wish=for_all) == [
        (Action.BLOCKED, Kind.DEVICE_GROUP),
        (Action.BLOCKED, Kind.PROFILE),
    ]


def test_two_of_one_name_block_whatever_they_are() -> None:
    twins = (replace(PROFILE, id="p8", description=""), replace(PROFILE, id="p9", description=""))
    (blocked,) = plan(WISH, replace(READY, profiles=twins))
    assert (blocked.action, blocked.why[:24]) == (Action.BLOCKED, "there are 2 of this name")
    marked = (PROFILE, replace(PROFILE, id="p9"))
    assert steps(replace(READY, profiles=marked)) == [(Action.BLOCKED, Kind.PROFILE)]
    remembered = Remembered(ids=((Kind.PROFILE, "User-driven", "p9"),))
    assert steps(replace(READY, profiles=(PROFILE, replace(PROFILE, id="p9", name="x")), remembered=remembered)) == []


def test_what_is_remembered_is_ours_under_any_name_and_description() -> None:
    remembered = Remembered(ids=((Kind.PROFILE, "User-driven", "p1"),))
    found = replace(with_profile(name="Renamed", description="", usage="shared"), remembered=remembered)
    assert steps(found) == [(Action.UPDATE, Kind.PROFILE)]


@pytest.mark.parametrize("named", [True, False])
def test_what_fits_is_adopted(named: bool) -> None:  # a case of the test
    name = "User-driven" if named else "Of another hand"
    found = with_profile(name=name, description="")
    assert plan(WISH, found) == ()
    assert adopted(WISH, found) == ((Kind.PROFILE, "User-driven", name),)


def test_a_page_that_comes_later_than_wanted_does_not_fit() -> None:
    pages = (OTHERS_PAGE, replace(PAGE, name="Of another hand", description="", priority=2))
    assert [action for action, _ in steps(replace(READY, status_pages=pages))] == [
        Action.CREATE,
        Action.ASSIGN,
        Action.SET_PRIORITY,
    ]
    lower = replace(WISH, status_page=replace(WISH.status_page, priority=2))
    assert plan(lower, replace(READY, status_pages=pages)) == ()


def test_a_page_for_all_devices_names_them() -> None:
    for_all = replace(WISH, status_page=replace(WISH.status_page, all_devices=True))
    (change,) = plan(for_all, READY)
    assert (change.action, change.fields[0].after) == (Action.ASSIGN, "all devices")
    without = Change(action=Action.ASSIGN, kind=Kind.STATUS_PAGE, name="Apps first", id="e1", fields=change.fields)
    assert change == without


def test_a_profile_for_a_group_that_is_not_there_yet_is_assigned_when_it_is() -> None:
    changes = plan(WISH, replace(READY, groups=(PREMIUM,)))
    assert [(change.action, change.kind) for change in changes] == [
        (Action.CREATE, Kind.DEVICE_GROUP),
        (Action.ASSIGN, Kind.PROFILE),
        (Action.ASSIGN, Kind.STATUS_PAGE),
    ]
    assert changes[1].fields[0].after == "device group (known after apply)"
    assert changes[1].action.is_made and not Action.BLOCKED.is_made and not Action.BY_A_PERSON.is_made


def test_what_is_not_there_is_made_with_every_property() -> None:
    changes = plan(WISH, replace(READY, profiles=(), status_pages=()))
    assert [(change.action, change.kind) for change in changes] == [
        (Action.CREATE, Kind.PROFILE),
        (Action.ASSIGN, Kind.PROFILE),
        (Action.CREATE, Kind.STATUS_PAGE),
        (Action.ASSIGN, Kind.STATUS_PAGE),
    ]
    assert [field.after for field in changes[0].fields] == [
        "entra",
        "singleUser",
        "standard",
        "os-default",
        "no",
        "yes",
    ]
