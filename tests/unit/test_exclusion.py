"""The exclusion group: at the owner step and in the fence; what cannot be read holds the case, and never lets it go."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, Decision
from shared.domain.checks import Verdict
from shared.domain.facts import MISSING, Facts, Memberships
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import AccessDenied
from shared.rules.exclusion import LOOK_AGAIN_AFTER, exclusion_check
from shared.rules.fence import check_fence
from shared.rules.ownership import find_owner, owner_in
from shared.rules.readiness import check_readiness
from tests.builders import A_SECOND, ENTRA_DEVICE_ID, NOW, OWNER, a_licensed_user, all_facts, an_autopilot_device, users
from tests.case_builders import a_case, a_policy, an_unenrolled_case
from tests.fakes import story
from tests.fakes.world import World

GROUP, OTHER_GROUP = "66666666-0000-4000-8000-00000000000a", "66666666-0000-4000-8000-00000000000b"
POLICY = a_policy(exclusion_group=GROUP)
OUT = Memberships(asked=frozenset({GROUP}))
IN = Memberships(asked=frozenset({GROUP}), found=frozenset({GROUP}))
REFUSED = Memberships(unreadable="Graph answered 403")
CASE = a_case(CaseState.CHECKING_OWNER)


def _read(owner: Memberships | None, device: Memberships | None, **fields: object) -> Facts:
    groups = {} if device is None else {ENTRA_DEVICE_ID.lower(): device}
    return all_facts(**{"owner_groups": owner, "device_groups": groups, **fields})


def _owner_step(facts: Facts, case: Case = CASE) -> Decision:
    return find_owner(case, facts, POLICY, NOW)


def test_an_owner_and_a_device_outside_the_group_go_on():
    assert _owner_step(_read(OUT, OUT)).to is CaseState.CHECKING_LICENCE


@pytest.mark.parametrize(
    ("owner", "device", "reason", "words"),
    [
        (IN, OUT, Reason.OWNER_EXCLUDED, "its owner is in the exclusion group"),
        (OUT, IN, Reason.DEVICE_EXCLUDED, "it is in the exclusion group"),
        (IN, REFUSED, Reason.OWNER_EXCLUDED, "its owner"),
        (REFUSED, IN, Reason.DEVICE_EXCLUDED, "it is in"),
    ],
)
@pytest.mark.parametrize("state", [CaseState.CHECKING_OWNER, CaseState.CHECKING_READINESS, CaseState.NOT_READY])
def test_whoever_is_in_the_group_is_refused_wherever_it_is_read(
    state: CaseState, owner: Memberships, device: Memberships, reason: Reason, words: str
):
    rule = find_owner if state is CaseState.CHECKING_OWNER else check_readiness

    decision = rule(a_case(state), _read(owner, device), POLICY, NOW)

    assert (decision.to, decision.reason) == (CaseState.REFUSED, reason)
    assert decision.says.startswith("PC-0427 is not touched: ")
    assert words in decision.says


@pytest.mark.parametrize(
    ("owner", "device"),
    [
        (None, OUT),
        (OUT, None),
        (REFUSED, OUT),
        (OUT, REFUSED),
        (Memberships(asked=frozenset({OTHER_GROUP})), OUT),
    ],
)
def test_what_cannot_be_read_waits_before_the_first_write(owner: Memberships | None, device: Memberships | None):
    decision = _owner_step(_read(owner, device))

    assert (decision.to, decision.reason) == (CaseState.CHECKING_OWNER, Reason.EXCLUSION_NOT_READABLE)
    assert decision.due == NOW + LOOK_AGAIN_AFTER
    assert decision.effect is None
    assert "Grant GroupMember.Read.All" in decision.says


def test_after_thirty_days_a_person_is_asked():
    old = replace(CASE, opened_at=NOW - timedelta(days=30) - A_SECOND)

    decision = _owner_step(_read(REFUSED, OUT), old)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.EXCLUSION_NOT_READABLE)


def test_a_device_without_an_entra_device_cannot_be_told_to_be_outside():
    assert CASE.device is not None
    nameless = replace(CASE, device=replace(CASE.device, entra_device_id=None))

    decision = _owner_step(_read(OUT, OUT), nameless)

    assert decision.reason is Reason.EXCLUSION_NOT_READABLE
    assert "no Entra device id" in decision.says


def test_of_two_entra_devices_both_must_be_outside():
    registered = an_autopilot_device(entra_device_id="ANOTHER")
    both = {ENTRA_DEVICE_ID.lower(): OUT, "another": IN}

    assert _owner_step(_read(OUT, OUT, autopilot=(registered,))).reason is Reason.EXCLUSION_NOT_READABLE
    assert _owner_step(_read(OUT, OUT, autopilot=(registered,), device_groups=both)).to is CaseState.REFUSED


def test_a_pc_that_nobody_enrolled_is_looked_for_by_its_registration():
    case = an_unenrolled_case(CaseState.CHECKING_OWNER, named_owner=OWNER)
    read = _read(IN, OUT, autopilot=(an_autopilot_device(entra_device_id=ENTRA_DEVICE_ID),))
    known = replace(read, users={OWNER.lower(): a_licensed_user(), **users(a_licensed_user())})

    decision = find_owner(case, known, POLICY, NOW)

    assert decision.to is CaseState.REFUSED
    assert decision.says.startswith(f"The PC with serial number {case.serial_number} is not touched")


def test_who_the_owner_will_be_is_known_before_the_group_is_read():
    owner = owner_in(CASE, _read(None, None), POLICY)

    assert owner is not None
    assert owner.user_principal_name == OWNER
    assert owner_in(CASE, Facts(), POLICY) is None


def test_without_an_exclusion_group_nothing_is_asked():
    assert find_owner(CASE, _read(None, None), a_policy(), NOW).to is CaseState.CHECKING_LICENCE
    assert exclusion_check(CASE, Facts(), a_policy()) is None


@pytest.mark.parametrize(("owner", "verdict"), [(OUT, Verdict.OK), (REFUSED, Verdict.CANNOT_VERIFY)])
def test_readiness_lists_the_exclusion_group_as_a_check(owner: Memberships, verdict: Verdict):
    check = exclusion_check(CASE, _read(owner, OUT), POLICY)

    assert check is not None
    assert check.verdict is verdict


INTENDED = a_case(CaseState.WIPE_INTENDED, POLICY)


@pytest.mark.parametrize(
    ("owner", "device", "to"),
    [
        (OUT, OUT, CaseState.WIPE_SENT),
        (IN, OUT, CaseState.REFUSED),
        (OUT, IN, CaseState.REFUSED),
        (REFUSED, OUT, CaseState.NOT_READY),
        (OUT, None, CaseState.NOT_READY),
        (None, None, CaseState.NOT_READY),
    ],
)
def test_the_last_look_before_the_wipe_reads_the_group_however_fresh_the_readiness_is(
    owner: Memberships | None, device: Memberships | None, to: CaseState
):
    decision = check_fence(INTENDED, _read(owner, device), POLICY, NOW)

    assert decision.to is to
    if to is CaseState.NOT_READY:
        assert decision.reason is Reason.EXCLUSION_NOT_READABLE
        assert decision.changes["approval"] is None


async def excluding(*members: str) -> World:
    """A world in which the tenant has an exclusion group with these members."""
    world = World(Mode.AUTO, exclusion_group=GROUP)
    world.directory.groups[GROUP] = {member.lower() for member in members}
    return world


@pytest.mark.parametrize("member", [story.OWNER_ID, story.ENTRA_DEVICE_ID], ids=["owner", "device"])
async def test_nothing_is_written_for_a_member_of_the_group(member: str) -> None:
    world = await excluding(member)
    await world.hear_of_device()
    await world.live()
    assert (await world.case()).state is CaseState.REFUSED
    assert world.graph_writes() == {}


async def test_an_owner_who_joins_the_group_before_the_wipe_is_not_wiped() -> None:
    world = await excluding()
    await world.put_intended()
    world.directory.groups[GROUP] = {story.OWNER_ID.lower()}
    await world.step()
    assert (await world.case()).state is CaseState.REFUSED
    assert world.devices.wiped.total() == 0


@pytest.mark.parametrize("answer", [AccessDenied("403"), MISSING], ids=["refused", "gone"])
async def test_a_group_that_cannot_be_read_before_the_wipe_sends_nothing_and_drops_the_clearance(
    answer: AccessDenied | None,
) -> None:
    world = await excluding()
    await world.put_intended()
    world.directory.group_answers = [answer] * 2  # pyright: ignore[reportAttributeAccessIssue]  # either kind of answer
    await world.step()
    case = await world.case()
    assert (case.state, case.reason) == (CaseState.NOT_READY, Reason.EXCLUSION_NOT_READABLE)
    assert case.approval is None
    assert world.devices.wiped.total() == 0
    assert await world.paid_wipes() == 0


async def test_once_the_group_can_be_read_the_case_goes_on_by_itself_with_one_wipe() -> None:
    world = await excluding()
    await world.put_intended()
    world.directory.group_answers = [AccessDenied("403"), AccessDenied("403")]
    await world.live()
    assert (await world.case()).state is CaseState.PROVEN
    assert world.devices.wiped.total() == 1
