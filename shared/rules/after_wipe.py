"""What follows the one wipe request: what its answer means, and WIPE_SENT and WIPE_UNKNOWN, where Handover only reads."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision
from shared.domain.effects import WipeAccepted, WipeAnswer, WipeNeedsApproval, WipeNotSent, WipeRefused
from shared.domain.facts import MISSING, Facts, ManagedDevice
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.admin_approval import begin_to_wait, keep_approval, request_by_text
from shared.rules.decisions import ask_person, device_evidence, go, in_words, wait
from shared.rules.wipe_signs import wipe_seen

LOOK_AGAIN_AFTER = timedelta(minutes=15)
MOST_NOT_SENT = 96
"""About a day of tries, a quarter of an hour apart; then a person is told."""
LOOK_FOR_WIPE_AFTER = timedelta(minutes=5)
OWN_POLL_AFTER = timedelta(hours=24)
"""Returns are noticed by one shared reading for all waiting cases; this is only the backstop."""


def after_answer(case: Case, answer: WipeAnswer, now: datetime) -> Decision:
    """What the answer to the one wipe request means; whatever is neither yes nor a clean no is unknown."""
    assert case.wipe is not None
    attempt = case.wipe
    if isinstance(answer, WipeAccepted):
        return go(
            CaseState.AWAITING_RETURN,
            Reason.WIPE_ACCEPTED,
            "Intune accepted the wipe. The device goes back to OOBE.",
            due=now + OWN_POLL_AFTER,
            wipe=replace(attempt, outcome="accepted"),
        )
    if isinstance(answer, WipeNeedsApproval) and not attempt.second_request:
        evidence = {"status": answer.status, "code": answer.code, "message": answer.message}
        return begin_to_wait(case, answer.code, attempt.sent_at or now, now, evidence)
    if isinstance(answer, WipeNotSent) and not answer.frozen and attempt.number >= MOST_NOT_SENT:
        return ask_person(
            Reason.WIPE_NOT_SENT,
            f"The wipe did not leave in {attempt.number} tries: no token or no connection. Nothing was wiped.",
            evidence={"why": answer.why},
            wipe=replace(attempt, sent_at=None, outcome="not sent"),
        )
    if isinstance(answer, WipeNotSent):
        held = go(
            CaseState.CLEARED_TO_WIPE,
            Reason.FROZEN if answer.frozen else Reason.WIPE_NOT_SENT,
            "All wipes were frozen in the last moment. Nothing was sent."
            if answer.frozen
            else "The wipe did not leave: no token or no connection. Nothing was wiped; it is tried again.",
            evidence={"why": answer.why},
            due=now + LOOK_AGAIN_AFTER,
            wipe=replace(attempt, sent_at=None, outcome="not sent"),
            approval=replace(case.approval, used=False) if case.approval is not None else None,
        )
        return keep_approval(case, held, now)
    if isinstance(answer, WipeRefused | WipeNeedsApproval):
        although = " although a second administrator had approved it" if attempt.second_request else ""
        return ask_person(
            Reason.WIPE_REFUSED,
            f"Intune refused the wipe{although}: {answer.message or answer.code}. Nothing was wiped.",
            evidence={"status": answer.status, "code": answer.code},
            wipe=replace(attempt, outcome="refused"),
        )
    return go(
        CaseState.WIPE_UNKNOWN,
        Reason.WIPE_ANSWER_LOST,
        "The answer to the wipe was lost. It is not sent again; the device is read until it tells.",
        evidence={"why": answer.why},
        due=now + LOOK_FOR_WIPE_AFTER,
        wipe=replace(attempt, outcome="unknown"),
    )


def look_for_wipe(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide WIPE_SENT (a worker stopped before the answer was written) and WIPE_UNKNOWN, by reading only.

    The record disappearing, managementState and deviceActionResults are signs of the wipe (managedDevice resource).
    """
    assert case.wipe is not None
    sent_at = case.wipe.sent_at or case.moved_at
    if case.state is CaseState.WIPE_SENT:
        return go(
            CaseState.WIPE_UNKNOWN,
            Reason.WIPE_ANSWER_LOST,
            "The worker stopped while the wipe was on its way. It is not sent again; the device is read until it tells.",
            wipe=replace(case.wipe, outcome="unknown"),
            due=now,
        )
    device = facts.device
    if device is MISSING or (isinstance(device, ManagedDevice) and wipe_seen(device, sent_at)):
        return go(
            CaseState.AWAITING_RETURN,
            Reason.WIPE_SEEN,
            "Intune shows that the wipe arrived."
            if isinstance(device, ManagedDevice)
            else "The device left Intune: the wipe arrived.",
            evidence=device_evidence(device) if isinstance(device, ManagedDevice) else {"record": "gone"},
            due=now + OWN_POLL_AFTER,
            wipe=replace(case.wipe, outcome="accepted"),
        )
    if isinstance(device, ManagedDevice) and device.management_state in ("wipeFailed", "wipeCanceled"):
        return ask_person(
            Reason.WIPE_FAILED_ON_DEVICE,
            f"Intune reports {device.management_state}.",
            evidence=device_evidence(device),
            wipe=replace(case.wipe, outcome="failed"),
        )
    if not case.wipe.second_request and (request := request_by_text(case, facts.admin_requests or ())) is not None:
        return begin_to_wait(case, request.id, sent_at, now)
    if now - sent_at > policy.wipe_seen_within:
        return ask_person(
            Reason.WIPE_NEVER_SEEN,
            f"{in_words(now - sent_at)} after the lost answer the device shows no sign of a wipe. A person decides what happened.",
            evidence=device_evidence(device) if isinstance(device, ManagedDevice) else {},
        )
    waited = now - sent_at
    return wait(
        case,
        Reason.WIPE_ANSWER_LOST,
        "No sign of the wipe yet; looking again.",
        until=min(now + max(LOOK_FOR_WIPE_AFTER, waited), sent_at + policy.wipe_seen_within + timedelta(minutes=1)),
    )
