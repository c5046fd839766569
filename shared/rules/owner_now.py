"""The owner, read again wherever a case goes on towards a wipe: gone, disabled, renamed, or without the licence again."""

from dataclasses import replace
from datetime import datetime

from shared.domain.case import Case, Decision, Evidence
from shared.domain.facts import Facts, User
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import ask_person, go
from shared.rules.plans import called, covers

WITH_A_LICENCE_TO_LOSE = frozenset(
    {
        CaseState.CHECKING_READINESS,
        CaseState.NOT_READY,
        CaseState.BINDING,
        CaseState.GIVING_NOTICE,
        CaseState.AWAITING_APPROVAL,
    }
)
AFTER_BINDING = frozenset({CaseState.GIVING_NOTICE, CaseState.AWAITING_APPROVAL, CaseState.WIPE_INTENDED})
MOST_LOSSES = 2
"""Somebody who takes the licence away each time has a reason; then a person is asked."""


def reads_owner_again(case: Case, policy: Policy) -> bool:
    """The owner's record is read in this state: for the licence, before anybody is asked or told, and while the case waits.

    Where nothing but the fence comes next it is not read twice: the fence reads it in any case, right before the wipe.
    """
    if case.state is CaseState.BINDING and case.binding_refused is not None:
        return (
            True  # Autopilot assigns nothing to a user who is gone or holds no licence: that is what has to be mended
        )
    if case.state in (CaseState.CHECKING_READINESS, CaseState.BINDING):
        asks_or_tells = policy.mode is Mode.APPROVE or (policy.mode.may_write and policy.tells_owner)
        return asks_or_tells or (policy.mode.may_write and not case.enrolled)
    if case.state is CaseState.GIVING_NOTICE:
        return policy.mode is Mode.APPROVE
    return case.state in WITH_A_LICENCE_TO_LOSE or case.state in (CaseState.CHECKING_LICENCE, CaseState.AWAITING_SEAT)


def owner_changed(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    """What the owner's record, as read now, changes about the case; None when nothing does, or it was not read."""
    if case.owner is None or not reads_owner_again(case, policy):
        return None
    name, user = case.owner.display_name, facts.users.get(case.owner.user_id.lower())
    if isinstance(user, User) and user.user_principal_name.lower() != case.owner.user_principal_name.lower():
        return renamed(case, user, now)
    if user is None or case.state not in WITH_A_LICENCE_TO_LOSE:
        return None
    if not isinstance(user, User):
        return ask_person(Reason.OWNER_NOT_FOUND, f"{name} no longer exists.", approval=None)
    if not user.enabled:
        return ask_person(Reason.OWNER_DISABLED, f"{name}'s account is disabled now.", approval=None)
    if case.licence_seen_at is not None and not covers(user.enabled_plan_ids):
        return lost_licence(case)
    return None


def renamed(case: Case, user: User, now: datetime) -> Decision:
    """The same person, by id, under another UPN: the case goes on under the new one.

    What was already bound or approved under the old name is done anew, from the licence on.
    """
    assert case.owner is not None
    anew = case.state in AFTER_BINDING
    return Decision(
        to=CaseState.CHECKING_LICENCE if anew else case.state,
        reason=Reason.OWNER_RENAMED,
        says=f"{case.owner.user_principal_name} is called {user.user_principal_name} now; it is the same user, by id."
        + (" Going on under the new name from the licence on." if anew else ""),
        evidence={"user id": user.id},
        due=now,
        changes={
            "owner": replace(
                case.owner,
                user_principal_name=user.user_principal_name,
                display_name=called(user),
                mail_address=user.mail_address,
            ),
            "bound": False,
            "binding_refused": None,
            "approval": None,
            "proposal": None,
        },
    )


def lost_licence(case: Case, evidence: Evidence | None = None, *, anew: bool = False) -> Decision:
    """Back to the licence; whatever was approved was approved with it in place. ``anew``: it was taken, and given again."""
    assert case.owner is not None
    what = "was given Intune and Entra ID P1 anew" if anew else "no longer has Intune and Entra ID P1"
    if case.licence_losses >= MOST_LOSSES:
        return ask_person(
            Reason.LICENCE_MISSING,
            f"{case.owner.display_name} lost Intune and Entra ID P1 again; somebody or something takes the licence away. "
            "Nothing was sent.",
            evidence=evidence,
            approval=None,
            licence_seen_at=None,
            licence_losses=0,
        )
    return go(
        CaseState.CHECKING_LICENCE,
        Reason.LICENCE_LOST,
        f"{case.owner.display_name} {what}; back to the licence, nothing was sent.",
        evidence=evidence,
        approval=None,
        proposal=None,
        licence=None,
        licence_seen_at=None,
        licence_losses=case.licence_losses + 1,
    )
