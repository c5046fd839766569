"""BINDING: assign the Autopilot registration to the owner, then decide who has to say yes."""

from datetime import datetime

from shared.domain.case import Case, Decision, Evidence, Journey, proposal_of
from shared.domain.effects import BindOwner
from shared.domain.facts import Compliance, Facts, ManagedDevice, Missing
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.approving import first_of_two
from shared.rules.clearing import LOOK_AGAIN_AFTER, ask_or_clear, clear, device_name
from shared.rules.confirm import evidence_is_old, evidence_too_old, read_again, refusal_of
from shared.rules.decisions import ask_person, device_evidence, go, wait
from shared.rules.notice import calling_off, no_wipe_needed, owner_comes_first, start_notice, too_old


def bound_to_owner(case: Case, facts: Facts) -> bool:
    """The one registration is already assigned to the owner."""
    registrations = facts.autopilot or ()
    if len(registrations) != 1 or case.owner is None:
        return False
    return (registrations[0].user_principal_name or "").lower() == case.owner.user_principal_name.lower()


def start_binding(case: Case, facts: Facts, evidence: Evidence, now: datetime) -> Decision:
    """Everything is ready as of ``now``: bind the owner, unless that is already so."""
    return _bind(case, facts, evidence, ready_at=now)


def _bind(case: Case, facts: Facts, evidence: Evidence, *, ready_at: datetime | None) -> Decision:
    assert case.owner is not None and facts.autopilot is not None
    owner, registered = case.owner, facts.autopilot[0]
    bound = bound_to_owner(case, facts)
    return go(
        CaseState.BINDING,
        Reason.READY,
        "Tenant and device are ready for Windows Autopilot. "
        + (
            f"The device is already assigned to {owner.display_name}."
            if bound
            else f"Assigning it to {owner.display_name}."
        ),
        evidence=evidence,
        effect=None
        if bound
        else BindOwner(
            autopilot_id=registered.id,
            user_principal_name=owner.user_principal_name,
            display_name=owner.display_name,
        ),
        autopilot_id=registered.id,
        ready_at=ready_at,
        bound=bound,
        binding_refused=None,
    )


def after_binding(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide BINDING."""
    assert case.owner is not None
    if case.binding_refused is not None:
        return ask_person(
            Reason.BINDING_REFUSED,
            f"Autopilot refused the assignment: {case.binding_refused}",
            binding_refused=None,
            autopilot_id=None,
        )
    if policy.mode is Mode.REPORT:
        return go(CaseState.REPORTED, Reason.MODE_IS_REPORT, "The mode is report now; nothing more is changed.")
    if not case.bound and not bound_to_owner(case, facts):
        # The worker stopped between writing this state and the call: assigning twice is harmless.
        return (
            _bind(case, facts, {}, ready_at=case.ready_at)
            if len(facts.autopilot or ()) == 1
            else ask_person(Reason.DEVICE_NOT_READY, "The Autopilot registration is gone.", autopilot_id=None)
        )
    if case.enrolled and case.journey is not Journey.RE_ENROL:
        return go(
            CaseState.READY_TO_GO,
            Reason.PREPARED_WHILE_COMPLIANT,
            f"Licence and Autopilot assignment are in place for {case.owner.display_name}. The device is compliant, so it is "
            "not wiped; if it turns non-compliant, that is looked at anew.",
        )
    if not case.enrolled:
        return go(
            CaseState.READY_TO_GO,
            Reason.READY_FOR_FIRST_SIGN_IN,
            f"{case.owner.display_name} can sign in: licence and Autopilot assignment are in place.",
        )
    if owner_comes_first(case, policy):
        return start_notice(case, facts, policy, now)
    return ask_or_clear(case, policy, now, so_far="The owner is bound.")


def await_approval(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide AWAITING_APPROVAL when nobody has answered: is it still needed, and still the same proposal?"""
    device: ManagedDevice | Missing | None = facts.device
    if not isinstance(device, ManagedDevice):
        return go(CaseState.NO_ACTION_NEEDED, Reason.DEVICE_GONE, "The device is no longer managed by Intune.")
    if refusal := refusal_of(device, policy):
        evidence = device_evidence(device)
        return go(CaseState.REFUSED, *refusal, evidence=evidence, effect=calling_off(case, policy), approval=None)
    if (mended := no_wipe_needed(case, device, policy)) is not None:
        return mended
    if evidence_is_old(case.readings, policy, now):
        return evidence_too_old(policy, device_evidence(device))
    if (old := too_old(case, device, now)) is not None:
        return old
    if policy.mode is Mode.AUTO:
        return clear(case, policy, now, so_far="The owner is bound.")
    proposal = proposal_of(case, policy.version)
    if (first := first_of_two(case, policy, now)) is not None:
        return wait(
            case,
            Reason.SECOND_APPROVAL_NEEDED,
            f"Approved by {first.by}; a second person has to approve wiping {device_name(case)}.",
            until=min(now + LOOK_AGAIN_AFTER, first.expires_at),
            evidence={"proposal": proposal, "policy": policy.version},
            proposal=proposal,
        )
    return wait(
        case,
        Reason.APPROVAL_NEEDED,
        f"Wiping {device_name(case)} still needs a person's approval.",
        until=now + LOOK_AGAIN_AFTER,
        evidence={"proposal": proposal, "policy": policy.version},
        proposal=proposal,
        readings=read_again(case.readings, policy, now)
        if device.compliance is Compliance.NONCOMPLIANT
        else case.readings,
        first_approval=None,
    )
