"""MDM user scope and discovery URL: read by a sign-in or said by a person, and what the readiness gate makes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.checks import Verdict
from shared.domain.facts import Facts, Unreadable
from shared.domain.policy import EnrolmentAttestation
from shared.domain.states import CaseState
from shared.errors import AccessDenied, BadInput, Unexpected
from shared.records.attestations import AttestationBook
from shared.records.ledger import Ledger
from shared.rules.attesting import newest, with_newest_word
from shared.rules.readiness import checks
from shared.rules.user_checks import user_checks
from shared.tenant_setup.attest import Attest
from tests.case_builders import a_case, a_policy
from tests.fakes import story
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows
from tests.fakes.world import World
from tests.tenant_setup.desk import ADMIN, desk_of

NOW = FixedClock().now()
TODAY = NOW.date()
GROUP = "3c9f2f3e-98c0-44b5-8f3f-000000000001"


def a_word(days_ago: int, scope: str = "all", **fields: object) -> EnrolmentAttestation:
    return replace(
        EnrolmentAttestation(by="ada", on=TODAY - timedelta(days=days_ago), scope=scope),
        **fields,
    )


def the_check(stored: EnrolmentAttestation | Unreadable | None, of_settings: EnrolmentAttestation | None) -> Verdict:
    policy, facts = a_policy(enrolment_attestation=of_settings), Facts(attestation=stored)
    found = {check.name: check for check in checks(a_case(), facts, policy, NOW)}
    return found["Automatic enrolment"].verdict


@pytest.mark.parametrize(
    ("stored", "of_settings", "verdict"),
    [
        (None, None, Verdict.CANNOT_VERIFY),
        (None, a_word(1), Verdict.OK),
        (a_word(1), None, Verdict.OK),
        (a_word(1), a_word(2, "none"), Verdict.OK),
        (a_word(1, "none"), a_word(2), Verdict.WRONG),
        (a_word(2, "none"), a_word(1), Verdict.OK),
        (a_word(1), a_word(1, "none"), Verdict.WRONG),
        (a_word(91), None, Verdict.CANNOT_VERIFY),
        (a_word(-1), a_word(2), Verdict.CANNOT_VERIFY),
        (Unreadable(why="broken"), a_word(2), Verdict.CANNOT_VERIFY),
        (a_word(1, discovery_url="https://mdm.example/enrol"), None, Verdict.WRONG),
        (
            a_word(1, discovery_url="https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"),
            None,
            Verdict.OK,
        ),
    ],
)
def test_the_newest_word_counts_and_one_that_cannot_be_read_stops(
    stored: EnrolmentAttestation | Unreadable | None, of_settings: EnrolmentAttestation | None, verdict: Verdict
) -> None:
    assert the_check(stored, of_settings) is verdict


def test_a_word_that_cannot_be_read_leaves_none_and_the_check_says_why() -> None:
    facts = Facts(attestation=Unreadable(why="the stored attestation cannot be read"))
    policy = a_policy(enrolment_attestation=a_word(1))
    assert with_newest_word(policy, facts).enrolment_attestation is None
    first = next(iter(user_checks(a_case(), facts, policy, NOW)))
    assert (first.verdict, first.found) == (Verdict.CANNOT_VERIFY, "the stored attestation cannot be read")


def test_of_two_words_of_one_day_that_of_the_settings_counts() -> None:
    assert newest(a_word(1, "none"), a_word(1)) == a_word(1, "none")


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        '{"by":"ada"}',
        '{"by":"ada","on":"2026-03-01","scope":"everybody"}',
        '{"by":" ","on":"2026-03-01","scope":"all"}',
        '{"by":"ada","on":"2026-03-01","scope":"all","valid_for":"P4000D"}',
    ],
)
async def test_a_row_that_is_broken_is_unreadable_and_no_word(body: str) -> None:
    rows = FakeRows()
    await rows.upsert("ledgers", "attestation", "newest", {"body": body})
    assert isinstance(await AttestationBook(rows, CountingIds()).newest(), Unreadable)


def attest(rows: FakeRows, of_settings: EnrolmentAttestation | None = None) -> Attest:
    return Attest(book=AttestationBook(rows, CountingIds()), clock=FixedClock(), attested=of_settings)


async def test_what_a_person_says_is_kept_with_name_day_and_expiry() -> None:
    rows = FakeRows()
    await attest(rows).by_hand(by="ada", scope="some", group_ids=[GROUP.upper()], on=TODAY - timedelta(days=1))
    shown = await attest(rows).show()
    assert shown == {
        "counts": {
            "by": "ada",
            "on": "2026-03-01",
            "scope": "some",
            "group_ids": [GROUP],
            "discovery_url": "",
            "valid_until": "2026-05-30",
            "from": "storage",
        },
        "problem": None,
    }


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"by": " "}, "a name"),
        ({"by": "a\nb"}, "a name"),
        ({"scope": "everybody"}, "all, some or none"),
        ({"scope": "some"}, "needs 1 to 15 group ids"),
        ({"scope": "all", "group_ids": [GROUP]}, "needs 1 to 15 group ids"),
        ({"scope": "some", "group_ids": [GROUP] * 16}, "needs 1 to 15 group ids"),
        ({"scope": "some", "group_ids": ["Staff"]}, "the id of a group"),
        ({"discovery_url": "x" * 201}, "at most 200"),
        ({"on": TODAY + timedelta(days=1)}, "in the future"),
        ({"on": TODAY - timedelta(days=91)}, "more than 90 days ago"),
    ],
)
async def test_a_word_that_cannot_be_is_refused(fields: dict[str, object], why: str) -> None:
    rows = FakeRows()
    with pytest.raises(BadInput, match=why):
        await attest(rows).by_hand(**{"by": "ada", "scope": "all", **fields})  # type: ignore[arg-type]  # fields by name
    assert await AttestationBook(rows, CountingIds()).newest() is None


async def test_an_older_word_does_not_replace_a_newer_one() -> None:
    rows = FakeRows()
    await attest(rows).by_hand(by="ada", scope="none")
    with pytest.raises(BadInput, match="a newer word is stored"):
        await attest(rows).by_hand(by="bob", scope="all", on=TODAY - timedelta(days=1))
    assert (await attest(rows).show())["counts"]["scope"] == "none"


async def test_a_signed_in_administrator_reads_it_from_entra_id() -> None:
    async with desk_of() as desk:
        desk.model.mobility.applies_to = "all"
        use_case = Attest(book=desk.attestations, clock=desk.clock)
        word = await use_case.by_sign_in(desk.policies, who=ADMIN)
        assert (word.by, word.scope, word.on) == (ADMIN, "all", desk.clock.now().date())
        assert await desk.attestations.newest() == word
        assert not [change for change in (await desk.plan()).changes if not change.action.is_made]


async def test_groups_of_the_scope_are_kept_and_a_strange_discovery_url_is_seen() -> None:
    async with desk_of() as desk:
        await desk.apply()
        group = desk.model.groups.find("Premium")
        assert group is not None
        desk.model.mobility.applies_to, desk.model.mobility.group_ids = "selected", (group.id,)
        desk.model.mobility.discovery_url = "https://mdm.example/enrol"
        word = await Attest(book=desk.attestations, clock=desk.clock).by_sign_in(desk.policies, who=ADMIN)
        assert (word.scope, word.group_ids) == ("some", (group.id,))
        assert (await Attest(book=desk.attestations, clock=desk.clock).show())["problem"] == (
            "the discovery URL is not Intune's"
        )


@pytest.mark.parametrize(("field", "value"), [("is_valid", False), ("applies_to", "unknownFutureValue")])
async def test_a_policy_that_is_invalid_is_no_word(field: str, value: object) -> None:
    async with desk_of() as desk:
        setattr(desk.model.mobility, field, value)
        with pytest.raises(Unexpected):
            await Attest(book=desk.attestations, clock=desk.clock).by_sign_in(desk.policies, who=ADMIN)
        assert await desk.attestations.newest() is None


async def test_without_the_delegated_permission_nothing_is_attested() -> None:
    async with desk_of(scopes=("DeviceManagementServiceConfig.ReadWrite.All",)) as desk:
        with pytest.raises(AccessDenied):
            await Attest(book=desk.attestations, clock=desk.clock).by_sign_in(desk.policies, who=ADMIN)


async def test_the_word_is_written_where_a_journal_keeps_all_of_them() -> None:
    rows = FakeRows()
    use_case = attest(rows)
    await use_case.by_hand(by="ada", scope="none")
    await use_case.by_hand(by="bob", scope="all")
    kept = [row async for row in rows.scan("ledgers", "attestation-journal")]
    assert len(kept) == 2
    assert (await Ledger(rows, CountingIds()).read("attestation", "newest") or {})["by"] == "bob"


@pytest.mark.parametrize("state", [CaseState.CHECKING_READINESS, CaseState.NOT_READY])
async def test_the_readiness_gate_reads_the_stored_word_and_asks_about_its_groups(state: CaseState) -> None:
    world = World()
    word = await world.services.attest.by_hand(by="ada", scope="some", group_ids=[GROUP])
    policy = replace(world.policy, enrolment_attestation=None)
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    case = story.case_in(state, policy, world.clock.now())
    facts = await world.services.advance.gatherer.facts(case, policy, Facts())
    assert facts.attestation == word
    assert facts.owner_groups is not None and GROUP in facts.owner_groups.asked


async def test_the_last_look_before_a_wipe_reads_the_stored_word_when_the_checks_are_old() -> None:
    world = World()
    await world.rows.upsert("ledgers", "attestation", "newest", {"body": "broken"})
    world.directory.users[story.OWNER_ID] = story.licensed_owner()
    case = story.case_in(CaseState.CLEARED_TO_WIPE, world.policy, world.clock.now(), ready_at=None)
    facts = await world.services.advance.gatherer.fence(case, world.policy)
    assert isinstance(facts.attestation, Unreadable)
    checked = {check.name: check.verdict for check in checks(case, facts, world.policy, world.clock.now())}
    assert checked["Automatic enrolment"] is Verdict.CANNOT_VERIFY
