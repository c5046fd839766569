"""Cases and policies of the story for the unit tests: each builder takes only what a test cares about."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from shared.domain.case import (
    Approval,
    Case,
    Decision,
    LicenceRequest,
    Notice,
    Owner,
    Readings,
    WipeAttempt,
    case_id_for_autopilot,
    case_id_for_device,
    move,
    proposal_of,
)
from shared.domain.effects import Matter
from shared.domain.hint import Cause
from shared.domain.policy import EnrolmentAttestation, Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.confirm import identity_of
from shared.rules.decide import AFTER_THE_WIPE
from tests.builders import (
    AUTOPILOT_ID,
    DEVICE_ID,
    NOW,
    OWNER,
    OWNER_ID,
    RETURNED_ID,
    SENT_AT,
    SERIAL,
    SPB_ID,
    a_device,
    a_returned_device,
)


def a_policy(**fields: object) -> Policy:
    """Approve mode, with everything set that an administrator has to set."""
    policy = Policy(
        mode=Mode.APPROVE,
        staging_accounts=("staging*@contoso.example",),
        licence_skus=("SPB",),
        enrolment_attestation=EnrolmentAttestation(
            by="admin@contoso.example", on=NOW.date() - timedelta(days=10), scope="all"
        ),
        auto_until=NOW.date() + timedelta(days=7),
    )
    return replace(policy, **fields)


READY_AGO = timedelta(minutes=5)


def an_owner(**fields: object) -> Owner:
    """DEF456, found among those who signed in."""
    owner = Owner(user_id=OWNER_ID, user_principal_name=OWNER, display_name="DEF456", source="users who signed in")
    return replace(owner, **fields)


def a_licence_request(**fields: object) -> LicenceRequest:
    """Business Premium, asked for five minutes ago."""
    asked = NOW - timedelta(minutes=5)
    return replace(LicenceRequest(sku_id=SPB_ID, part_number="SPB", requested_at=asked), **fields)


def an_approval(case: Case, policy: Policy, **fields: object) -> Approval:
    """A person's fitting, unused yes of an hour ago."""
    given = NOW - timedelta(hours=1)
    approval = Approval(
        proposal=proposal_of(case, policy.version),
        by="admin@contoso.example",
        at=given,
        expires_at=given + policy.approval_valid_for,
    )
    return replace(approval, **fields)


CODE = "c0de" * 16


def a_notice(**fields: object) -> Notice:
    """The owner was told a day ago, with CODE in the mail; their time is over this second."""
    notice = Notice(
        matter=Matter.WIPE_COMING,
        decided_at=NOW - timedelta(days=1),
        sent=True,
        wipe_not_before=NOW,
        code_hash=hashlib.sha256(CODE.encode()).hexdigest(),
    )
    return replace(notice, **fields)


def an_attempt(**fields: object) -> WipeAttempt:
    """The first wipe, written down, not sent."""
    attempt = WipeAttempt(number=1, nonce="nonce-1", intended_at=SENT_AT, allowed_by="admin@contoso.example")
    return replace(attempt, **fields)


def a_case(state: CaseState = CaseState.OPENED, policy: Policy | None = None, **fields: object) -> Case:
    """DEF456's case in this state, with all that the state guarantees; approvals fit ``policy`` (a_policy())."""
    case = Case(
        id=case_id_for_device(DEVICE_ID),
        state=state,
        reason=Reason.HINT_TAKEN,
        says="as a test put it",
        version=7,
        episode=1,
        cause=Cause.NONCOMPLIANT,
        heard_from="device-events",
        opened_at=NOW - timedelta(days=4),
        moved_at=SENT_AT,
        due_at=NOW,
        serial_number=SERIAL,
        device=identity_of(a_device()),
        autopilot_id=AUTOPILOT_ID,
        owner=an_owner(),
        readings=Readings(count=1, first_at=NOW - timedelta(hours=72), last_at=NOW - timedelta(hours=72)),
        licence_seen_at=NOW - timedelta(days=3),
    )
    if state in (CaseState.CLEARED_TO_WIPE, CaseState.WIPE_INTENDED):
        case = replace(case, bound=True, approval=an_approval(case, policy or a_policy()), ready_at=NOW - READY_AGO)
    if state is CaseState.WIPE_INTENDED:
        case = replace(case, wipe=an_attempt())
    if state in AFTER_THE_WIPE:
        approval = an_approval(case, policy or a_policy(), used=True)
        case = replace(case, bound=True, approval=approval, wipe=an_attempt(sent_at=SENT_AT), ready_at=SENT_AT)
    if state is CaseState.AWAITING_ADMIN_APPROVAL:
        approval = an_approval(case, policy or a_policy(), used=True)
        asked = an_attempt(outcome="needs approval", admin_asked_at=SENT_AT, admin_code="request-1")
        case = replace(case, bound=True, approval=approval, wipe=asked, ready_at=SENT_AT)
    if state is CaseState.AWAITING_PROOF:
        back_at = a_returned_device().enrolled_at
        case = replace(case, returned_device_id=RETURNED_ID, returned_at=back_at)
    return replace(case, **fields)


def an_unenrolled_case(state: CaseState = CaseState.OPENED, **fields: object) -> Case:
    """The case of a registered PC that nobody has enrolled yet."""
    before: dict[str, object] = {
        "id": case_id_for_autopilot(AUTOPILOT_ID),
        "device": None,
        "readings": None,
        "autopilot_id": None,
    }
    return replace(a_case(state), **{**before, **fields})


def moved(case: Case, decision: Decision) -> Case:
    """The case after the decision; raises IllegalMove when the table does not know the move."""
    return move(case, decision, at=NOW)[0]
