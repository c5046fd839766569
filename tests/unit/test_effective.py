"""Which enrolment configuration takes effect: certain, or one of several, and which groups have to be asked about."""

from dataclasses import replace

import pytest

from shared.domain.facts import EnrolmentStatusPage, Memberships
from shared.domain.policy import EnrolmentAttestation, Policy
from shared.rules.effective import MOST_GROUPS, groups_of_device, groups_of_owner, may_take_effect
from tests.builders import NOW, a_device_limit, a_platform_restriction, a_status_page, tenant_facts

A, B, C = (f"66666666-0000-4000-8000-00000000000{letter}" for letter in "abc")
IN_A = Memberships(asked=frozenset({A, B}), found=frozenset({A}))
IN_NONE = Memberships(asked=frozenset({A, B}))
REFUSED = Memberships(unreadable="403")
DEFAULT = a_status_page()


def _page(name: str, priority: int, **fields: object) -> EnrolmentStatusPage:
    return a_status_page(
        **{"name": name, "priority": priority, "is_default": False, "assigned_to_all": False, **fields}
    )


FOR_A, FOR_B = _page("for A", 1, group_ids=frozenset({A})), _page("for B", 2, group_ids=frozenset({B}))
FOR_USERS = _page("all users", 3, assigned_to_all=True)
FOR_DEVICES = _page("all devices", 4, assigned_to_all=True, all_devices=True)


@pytest.mark.parametrize(
    ("pages", "owner", "device", "names"),
    [
        ((DEFAULT,), REFUSED, REFUSED, ["Default"]),
        ((), REFUSED, REFUSED, []),
        ((DEFAULT, FOR_B, FOR_A), IN_A, IN_NONE, ["for A"]),
        ((DEFAULT, FOR_A), IN_NONE, IN_A, ["for A"]),
        ((DEFAULT, FOR_A), IN_NONE, IN_NONE, ["Default"]),
        ((DEFAULT, FOR_A, FOR_USERS), IN_NONE, IN_NONE, ["all users"]),
        # what the device has goes before what the user has, whatever the priorities say
        ((DEFAULT, FOR_A, FOR_DEVICES), IN_A, IN_NONE, ["all devices"]),
        ((DEFAULT, FOR_USERS, FOR_DEVICES), IN_NONE, IN_NONE, ["all devices"]),
        # nobody can tell: every page that may be meant, down to the first that is certain
        ((DEFAULT, FOR_A), REFUSED, IN_NONE, ["for A", "Default"]),
        ((DEFAULT, FOR_A, FOR_USERS), REFUSED, IN_NONE, ["for A", "all users"]),
        ((DEFAULT, FOR_A), IN_NONE, REFUSED, ["for A", "Default"]),
        # the lower priority value comes first
        ((DEFAULT, FOR_USERS, _page("first", 1, assigned_to_all=True)), IN_NONE, IN_NONE, ["first"]),
    ],
)
def test_the_first_page_that_applies_takes_effect(
    pages: tuple[EnrolmentStatusPage, ...], owner: Memberships, device: Memberships, names: list[str]
):
    assert [page.name for page in may_take_effect(pages, owner=owner, device=device) if page is not None] == names


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (replace(FOR_USERS, excluded_group_ids=frozenset({A})), ["Default"]),
        (replace(FOR_USERS, excluded_group_ids=frozenset({B})), ["all users"]),
        (replace(FOR_USERS, excluded_group_ids=frozenset({C})), ["all users", "Default"]),
        (replace(FOR_A, excluded_group_ids=frozenset({A})), ["Default"]),
        (replace(FOR_USERS, filtered=True), ["all users", "Default"]),
        (replace(FOR_USERS, priority=0), ["all users", "Default"]),
        (replace(FOR_B, filtered=True), ["Default"]),
    ],
)
def test_exclusions_filters_and_missing_priorities_are_respected(page: EnrolmentStatusPage, names: list[str]):
    found = may_take_effect((DEFAULT, page), owner=IN_A, device=IN_NONE)
    assert [each.name for each in found if each is not None] == names


def test_without_a_default_there_may_be_none():
    assert may_take_effect((FOR_A,), owner=IN_NONE) == [None]
    assert may_take_effect((FOR_A,), owner=None) == [FOR_A, None]


BLOCKING_FOR_A, OPEN_DEFAULT = FOR_A, a_status_page(blocks_use=False)


def test_no_group_is_asked_about_when_nothing_depends_on_one():
    assert groups_of_owner(Policy(), None) == groups_of_device(Policy(), None) == ()
    assert groups_of_owner(Policy(), tenant_facts()) == groups_of_device(Policy(), tenant_facts()) == ()
    alike = tenant_facts(status_pages=(DEFAULT, BLOCKING_FOR_A))
    assert groups_of_owner(Policy(), alike) == groups_of_device(Policy(), alike) == ()
    certain = tenant_facts(status_pages=(OPEN_DEFAULT, replace(FOR_DEVICES, priority=9), BLOCKING_FOR_A))
    assert groups_of_device(Policy(), replace(certain, status_pages=(OPEN_DEFAULT, FOR_USERS))) == ()


def test_groups_are_asked_about_when_the_status_page_depends_on_them():
    pages = (OPEN_DEFAULT, BLOCKING_FOR_A, replace(FOR_B, excluded_group_ids=frozenset({C})))
    tenant = tenant_facts(status_pages=pages)
    assert groups_of_owner(Policy(), tenant) == groups_of_device(Policy(), tenant) == (A, B, C)


def test_restrictions_and_limits_ask_about_the_owner_alone():
    blocked = a_platform_restriction(
        is_default=False, assigned_to_all=False, priority=1, group_ids=frozenset({A}), windows_blocked=True
    )
    limit = a_device_limit(is_default=False, assigned_to_all=False, priority=1, group_ids=frozenset({B}), limit=1)
    tenant = tenant_facts(
        platform_restrictions=(a_platform_restriction(), blocked), device_limits=(a_device_limit(), limit)
    )
    assert groups_of_owner(Policy(), tenant) == (A, B)
    assert groups_of_device(Policy(), tenant) == ()


def test_the_groups_of_the_settings_come_first_and_no_more_are_asked_about_than_graph_takes():
    attested = EnrolmentAttestation(by="admin", on=NOW.date(), scope="some", group_ids=(B,))
    policy = Policy(exclusion_group=C.upper(), enrolment_attestation=attested)
    many = frozenset(f"77777777-0000-4000-8000-{number:012}" for number in range(30))
    tenant = tenant_facts(status_pages=(OPEN_DEFAULT, replace(FOR_A, group_ids=many)))
    asked = groups_of_owner(policy, tenant)
    assert asked[:2] == (C, B)
    assert len(asked) == MOST_GROUPS
    assert groups_of_device(policy, tenant)[0] == C
    assert groups_of_owner(replace(policy, enrolment_attestation=replace(attested, scope="all")), None) == (C,)


def test_membership_is_known_of_what_was_asked_and_of_nothing_else():
    assert (IN_A.of(A.upper()), IN_A.of(B), IN_A.of(C), REFUSED.of(A)) == (True, False, None, None)
