"""RECLAIMING_LICENCE: only after the proof, only from the staging account, only what nothing else needs."""

from dataclasses import replace

import pytest

from shared.domain.case import Case, Decision, Reclaim
from shared.domain.effects import Done, Refused, RemoveLicences
from shared.domain.facts import Compliance, HeldLicence
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.answers import changes_by
from shared.rules.decide import decide
from shared.rules.reclaiming import staging_account_of
from tests.builders import (
    NOW,
    OWNER_ID,
    SPB_ID,
    STAGING,
    STAGING_ID,
    STANDARD_ID,
    a_device,
    a_returned_device,
    all_facts,
    staging_user,
)
from tests.case_builders import a_case, a_policy, an_unenrolled_case, moved

ASKED = a_policy(reclaim_staging_licence=True)
STATE = CaseState.RECLAIMING_LICENCE
HELD = (HeldLicence(sku_id=SPB_ID, direct=True),)


def account(**fields: object):
    return replace(staging_user(), **{"licences": HELD, **fields})


def decided(case: Case | None = None, policy: Policy = ASKED, /, **facts: object) -> Decision:
    known = {STAGING.lower(): account(), STAGING_ID: account()}
    read = all_facts(**{"users": known, "staging_devices": (), **facts})
    return decide(case or a_case(STATE), read, policy, NOW)


@pytest.mark.parametrize(
    ("policy", "to"),
    [
        (ASKED, STATE),
        (a_policy(), CaseState.PROVEN),
        (replace(ASKED, licence_skus=()), CaseState.PROVEN),
        (replace(ASKED, staging_accounts=()), CaseState.PROVEN),
        (replace(ASKED, mode=Mode.REPORT), CaseState.PROVEN),
    ],
)
def test_only_the_proof_leads_there_and_only_where_it_is_wanted(policy: Policy, to: CaseState):
    back = a_returned_device(compliance=Compliance.COMPLIANT)

    decision = decide(a_case(CaseState.AWAITING_PROOF, policy), all_facts(same_serial=(back,)), policy, NOW)

    assert (decision.to, decision.reason) == (to, Reason.COMPLIANT_UNDER_OWNER)


@pytest.mark.parametrize("devices", [(), (a_device(),)])
def test_the_licence_is_taken_when_the_account_enrols_nothing_else(devices: object):
    case = a_case(STATE)
    decision = decided(case, staging_devices=devices)
    taking = RemoveLicences(user_id=STAGING_ID, sku_ids=(SPB_ID,))
    assert decision.effect == taking
    asked = moved(case, decision)

    done = replace(asked, **dict(changes_by(asked, taking, Done())))
    refused = replace(asked, **dict(changes_by(asked, taking, Refused(code="x", message="no"))))
    assert [each.reclaim is not None and each.reclaim.answered for each in (asked, done, refused)] == [
        False,
        True,
        True,
    ]

    assert [(each.to, each.reason) for each in (decided(done), decided(refused))] == [
        (CaseState.PROVEN, Reason.LICENCE_RECLAIMED),
        (CaseState.PROVEN, Reason.LICENCE_KEPT),
    ]


def test_a_worker_that_died_after_the_request_finds_the_licence_gone():
    case = a_case(STATE, reclaim=Reclaim(user_id=STAGING_ID, sku_ids=(SPB_ID,)))
    gone = account(licences=())

    decision = decided(case, users={STAGING.lower(): gone})

    assert (decision.to, decision.reason) == (CaseState.PROVEN, Reason.LICENCE_RECLAIMED)


@pytest.mark.parametrize(
    "facts",
    [
        {"staging_devices": None},
        {"tenant": None},
        {"users": {}},
        {"staging_devices": (a_device(id="another"),)},
        {"users": {STAGING.lower(): account(user_principal_name="ann@contoso.example")}},
        {"users": {STAGING.lower(): account(id=OWNER_ID)}},
        {"users": {STAGING.lower(): account(licences=())}},
        {"users": {STAGING.lower(): account(licences=(HeldLicence(sku_id=STANDARD_ID, direct=True),))}},
        {"users": {STAGING.lower(): account(licences=(HeldLicence(sku_id=SPB_ID, direct=False, group_id="g"),))}},
    ],
)
def test_in_any_doubt_the_licence_stays_and_the_case_is_proven(facts: dict[str, object]):
    decision = decided(None, ASKED, **facts)

    assert (decision.to, decision.reason, decision.effect) == (CaseState.PROVEN, Reason.LICENCE_KEPT, None)


@pytest.mark.parametrize(
    "policy",
    [replace(ASKED, mode=Mode.OFF), replace(ASKED, mode=Mode.REPORT), a_policy(), replace(ASKED, staging_accounts=())],
)
def test_a_wish_that_was_withdrawn_takes_nothing(policy: Policy):
    decision = decided(a_case(STATE, policy), policy)

    assert (decision.to, decision.effect) == (CaseState.PROVEN, None)


def test_a_staging_account_is_found_by_its_listed_id():
    policy = replace(ASKED, staging_accounts=(STAGING_ID,))
    decision = decided(a_case(STATE, policy), policy)

    assert decision.effect == RemoveLicences(user_id=STAGING_ID, sku_ids=(SPB_ID,))


def test_a_case_without_an_enrolment_has_no_staging_account():
    assert staging_account_of(an_unenrolled_case(), ASKED) is None
