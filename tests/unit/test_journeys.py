"""What a case can lead to: only one of the journeys ends in a wipe."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.case import Case, Decision, Journey, Notice, Readings
from shared.domain.effects import AssignLicence, BindOwner, Matter, TellOwner
from shared.domain.facts import MISSING, Compliance, Facts, ManagedDevice, Missing
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.binding import after_binding, await_approval
from shared.rules.confirm import confirm, refusal_of
from shared.rules.decide import decide
from shared.rules.fence import check_fence
from shared.rules.instructing import TELL_AGAIN_AFTER, instruct
from shared.rules.licensing import after_licence
from shared.rules.readiness import check_readiness
from shared.rules.watching import watch
from tests.builders import NOW, OWNER, a_device, all_facts, an_owners_device
from tests.case_builders import a_case, a_policy, an_unenrolled_case, moved

CLOUD: Mapping[str, object] = {"model": "Cloud PC Enterprise 2vCPU"}
PERSONAL: Mapping[str, object] = {"owner_type": "personal", "join_type": "azureADRegistered"}
HOUR = timedelta(hours=1)
FRESH = a_case()
NO_WIPE = [Journey.PREPARE, Journey.CLOUD_PC, Journey.PERSONAL]


def _opened(case: Case = FRESH, /, **fields: object) -> Decision:
    return confirm(case, Facts(device=a_device(**fields)), a_policy(), NOW)


@pytest.mark.parametrize(
    ("fields", "journey"), [({}, Journey.RE_ENROL), (CLOUD, Journey.CLOUD_PC), (PERSONAL, Journey.PERSONAL)]
)
def test_the_journey_is_decided_when_the_case_is_confirmed(fields: Mapping[str, object], journey: Journey):
    decision = _opened(**fields)

    assert (decision.to, decision.reason) == (CaseState.CHECKING_OWNER, Reason.DEVICE_NOT_COMPLIANT)
    assert decision.changes["journey"] is journey


def test_a_pc_that_nobody_enrolled_is_made_ready_to_go():
    decision = confirm(an_unenrolled_case(), Facts(), a_policy(), NOW)

    assert decision.changes["journey"] is Journey.READY_TO_GO


@pytest.mark.parametrize("fields", [CLOUD, PERSONAL])
@pytest.mark.parametrize("compliance", [each for each in Compliance if each is not Compliance.NONCOMPLIANT])
def test_a_cloud_pc_or_personal_device_that_is_not_noncompliant_needs_nothing(
    fields: Mapping[str, object], compliance: Compliance
):
    case = a_case(named_owner=OWNER)

    assert _opened(case, **fields, compliance=compliance).to is CaseState.NO_ACTION_NEEDED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [(CLOUD, Reason.DEVICE_IS_CLOUD_PC), (PERSONAL, Reason.DEVICE_NOT_COMPANY_OWNED)],
)
def test_neither_a_cloud_pc_nor_a_personal_device_passes_any_later_gate(fields: Mapping[str, object], reason: Reason):
    device = a_device(**fields)
    fenced = check_fence(a_case(CaseState.WIPE_INTENDED), all_facts(device=device), a_policy(), NOW)
    approved = await_approval(a_case(CaseState.AWAITING_APPROVAL), Facts(device=device), a_policy(), NOW)
    watched = watch(a_case(CaseState.WATCHING), Facts(device=device), a_policy(), NOW)

    for decision in (fenced, approved, watched):
        assert (decision.to, decision.reason) == (CaseState.REFUSED, reason)


def test_a_company_device_on_the_journey_of_a_personal_one_is_refused():
    assert refusal_of(a_device(), a_policy(), Journey.PERSONAL) is not None


@pytest.mark.parametrize("journey", [Journey.CLOUD_PC, Journey.PERSONAL])
def test_a_serial_number_matters_only_where_a_device_is_found_by_it(journey: Journey):
    fields = CLOUD if journey is Journey.CLOUD_PC else PERSONAL

    assert refusal_of(a_device(serial_number="Default string", **fields), a_policy(), journey) is None


@pytest.mark.parametrize(
    ("journey", "to"),
    [
        (Journey.RE_ENROL, CaseState.WATCHING),
        (Journey.CLOUD_PC, CaseState.WATCHING),
        (Journey.PREPARE, CaseState.CHECKING_READINESS),
        (Journey.PERSONAL, CaseState.SENDING_INSTRUCTIONS),
    ],
)
def test_after_the_licence_each_journey_goes_its_way(journey: Journey, to: CaseState):
    assert after_licence(a_case(journey=journey)) is to


CLOUD_CASE = a_case(CaseState.WATCHING, journey=Journey.CLOUD_PC)


def test_a_cloud_pc_that_the_licence_did_not_mend_is_for_a_person():
    decision = watch(CLOUD_CASE, Facts(device=a_device(**CLOUD)), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.CLOUD_PC_NOT_MENDED)
    assert decision.says == (
        "PC-0427 is a Cloud PC and is never wiped. The licence did not mend it: reprovision it in Windows 365, or look at "
        "the failing compliance settings."
    )
    assert moved(CLOUD_CASE, decision).readings == Readings(count=2, first_at=NOW - 72 * HOUR, last_at=NOW)


def test_a_cloud_pc_that_the_licence_mended_needs_nothing_more():
    device = a_device(**CLOUD, compliance=Compliance.COMPLIANT)

    assert watch(CLOUD_CASE, Facts(device=device), a_policy(), NOW).reason is Reason.MENDED_WITHOUT_WIPE


def test_in_report_mode_a_cloud_pc_is_reported():
    case = replace(CLOUD_CASE, would_do=("assign SPB to DEF456@contoso.example",))

    decision = watch(case, Facts(device=a_device(**CLOUD)), a_policy(mode=Mode.REPORT), NOW)

    assert (decision.to, decision.reason) == (CaseState.REPORTED, Reason.MODE_IS_REPORT)
    assert "reprovision it in Windows 365" in moved(case, decision).would_do[-1]


STAGED = a_case(named_owner=OWNER)


def test_a_staged_device_that_gets_a_user_while_it_is_compliant_is_prepared():
    decision = _opened(STAGED, compliance=Compliance.COMPLIANT)

    assert (decision.to, decision.reason) == (CaseState.CHECKING_OWNER, Reason.STAGED_AND_COMPLIANT)
    assert decision.says == (
        "PC-0427 was enrolled by the staging account staging@contoso.example and is compliant: its user gets licence and "
        "Autopilot assignment, and it is not wiped."
    )
    after = moved(STAGED, decision)
    assert (after.journey, after.readings) == (Journey.PREPARE, None)


@pytest.mark.parametrize(
    ("case", "device"),
    [
        (a_case(), a_device(compliance=Compliance.COMPLIANT)),
        (STAGED, an_owners_device(compliance=Compliance.COMPLIANT)),
        (STAGED, a_device(compliance=Compliance.IN_GRACE_PERIOD)),
    ],
)
def test_nothing_is_prepared_without_a_new_user_a_staging_account_and_compliance(case: Case, device: ManagedDevice):
    assert confirm(case, Facts(device=device), a_policy(), NOW).to is CaseState.NO_ACTION_NEEDED


PREPARING = a_case(CaseState.CHECKING_READINESS, journey=Journey.PREPARE, readings=None)
FINE = a_device(compliance=Compliance.COMPLIANT)


def test_what_is_ready_is_bound_and_not_wiped():
    decision = check_readiness(PREPARING, all_facts(device=FINE), a_policy(), NOW)
    bound = a_case(CaseState.BINDING, journey=Journey.PREPARE, bound=True)
    ended = after_binding(bound, all_facts(device=FINE), a_policy(mode=Mode.AUTO), NOW)

    assert (decision.to, type(decision.effect)) == (CaseState.BINDING, BindOwner)
    assert (ended.to, ended.reason) == (CaseState.READY_TO_GO, Reason.PREPARED_WHILE_COMPLIANT)
    assert "it is not wiped" in ended.says


def test_what_is_not_ready_makes_no_compliant_device_wait():
    decision = check_readiness(PREPARING, all_facts(device=FINE, autopilot=()), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.PREPARED_WHILE_COMPLIANT)
    assert decision.says.startswith("The licence is in place. PC-0427 is compliant and not wiped")


def test_a_device_that_turns_while_it_is_prepared_is_watched_as_any_other():
    decision = check_readiness(PREPARING, all_facts(device=a_device()), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.WATCHING, Reason.DEVICE_NOT_COMPLIANT)
    assert moved(PREPARING, decision).journey is Journey.RE_ENROL


def test_a_device_that_leaves_while_it_is_prepared_ends_the_case():
    decision = check_readiness(PREPARING, all_facts(device=MISSING), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE)


@pytest.mark.parametrize("journey", NO_WIPE)
def test_in_report_mode_no_wipe_is_reported_for_what_is_never_wiped(journey: Journey):
    case = replace(PREPARING, journey=journey)

    decision = check_readiness(case, all_facts(device=FINE), a_policy(mode=Mode.REPORT), NOW)

    assert "wipe the device once" not in decision.says


INSTRUCTING = a_case(CaseState.SENDING_INSTRUCTIONS, journey=Journey.PERSONAL)
TELLS = a_policy(tells_owner=True)


def _instructed(case: Case = INSTRUCTING, at: datetime = NOW) -> Decision:
    return instruct(case, Facts(), TELLS, at)


def _notice(**fields: object) -> Notice:
    return replace(Notice(matter=Matter.CONNECT_PERSONAL_DEVICE, decided_at=NOW), **fields)


def test_the_owner_of_a_personal_device_is_told_how_to_connect_it():
    decision = _instructed()

    assert (decision.to, decision.reason, decision.due) == (
        CaseState.SENDING_INSTRUCTIONS,
        Reason.TELLING_OWNER,
        NOW,
    )
    assert isinstance(decision.effect, TellOwner)
    assert (decision.effect.matter, decision.effect.user_principal_name) == (Matter.CONNECT_PERSONAL_DEVICE, OWNER)
    assert moved(INSTRUCTING, decision).notice == _notice()


def test_a_mail_about_something_else_is_not_the_instructions():
    case = replace(INSTRUCTING, notice=_notice(matter=Matter.WIPE_COMING, sent=True))

    assert isinstance(_instructed(case).effect, TellOwner)


def test_a_mail_whose_worker_stopped_is_sent_again():
    assert isinstance(_instructed(replace(INSTRUCTING, notice=_notice())).effect, TellOwner)


def test_a_mail_that_was_taken_ends_the_case():
    case = replace(INSTRUCTING, notice=_notice(sent=True))

    decision = _instructed(case)

    assert (decision.to, decision.reason) == (CaseState.INSTRUCTED, Reason.OWNER_INSTRUCTED)
    assert moved(case, decision).instructed_at == NOW


def test_a_mail_that_was_refused_is_for_a_person_with_the_steps():
    decision = _instructed(replace(INSTRUCTING, notice=_notice(refused="no such mailbox")))

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_NOT_INSTRUCTED)
    assert "no such mailbox" in decision.says
    assert "Access work or school" in decision.says


def test_without_a_mailbox_a_person_gets_the_steps():
    decision = instruct(INSTRUCTING, Facts(), a_policy(), NOW)

    assert (decision.to, decision.reason) == (CaseState.NEEDS_PERSON, Reason.OWNER_NOT_INSTRUCTED)
    assert "Settings > Accounts > Access work or school" in decision.says


@pytest.mark.parametrize(
    ("ago", "to"),
    [(TELL_AGAIN_AFTER - HOUR, CaseState.INSTRUCTED), (TELL_AGAIN_AFTER, CaseState.SENDING_INSTRUCTIONS)],
)
def test_nobody_is_told_the_same_twice_in_a_month(ago: timedelta, to: CaseState):
    decision = _instructed(replace(INSTRUCTING, instructed_at=NOW - ago))

    assert decision.to is to
    assert (decision.effect is None) == (to is CaseState.INSTRUCTED)


def test_in_report_mode_the_mail_is_only_reported():
    decision = instruct(INSTRUCTING, Facts(), replace(TELLS, mode=Mode.REPORT), NOW)

    assert (decision.to, decision.reason, decision.effect) == (CaseState.REPORTED, Reason.MODE_IS_REPORT, None)


@pytest.mark.parametrize("device", [MISSING, a_device(**CLOUD), a_device(**PERSONAL)])
@pytest.mark.parametrize("journey", NO_WIPE)
def test_no_journey_but_one_comes_near_a_wipe(journey: Journey, device: ManagedDevice | Missing):
    towards = {CaseState.GIVING_NOTICE, CaseState.AWAITING_APPROVAL, CaseState.CLEARED_TO_WIPE, CaseState.WIPE_INTENDED}
    states = (CaseState.OPENED, CaseState.WATCHING, CaseState.SENDING_INSTRUCTIONS, CaseState.BINDING)
    for state in states:
        case = a_case(state, journey=journey, bound=True)
        decision = decide(case, all_facts(device=device), a_policy(mode=Mode.AUTO, tells_owner=True), NOW)

        assert decision.to not in towards
        assert not isinstance(decision.effect, AssignLicence)
