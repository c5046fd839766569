"""What this person may do to this case now, and, before they do it, exactly what it will do."""

from dataclasses import dataclass

from shared.console.case_page import Fact
from shared.console.times import Moment, Times
from shared.domain.case import WIPE_FLAGS, Case
from shared.domain.policy import Policy
from shared.operate.act import possible
from shared.operate.principals import Principal, Role
from shared.operate.see_case import Proposal, Seen
from shared.rules.approving import asked_for_it
from shared.rules.clearing import closed
from shared.rules.notice import calling_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One form. ``will`` is what happens when it is sent."""

    name: str
    label: str
    will: tuple[str, ...]
    tone: str = "plain"
    asks_why: str = ""
    """The label of the reason that has to be given; empty: none has."""
    confirm: str = ""
    """What has to be ticked first; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """The wipe that waits for a yes. Without ``action`` this person cannot say yes, and ``why_not`` tells why."""

    will: tuple[str, ...]
    exactly: tuple[Fact, ...]
    """What the proposal is for, by its ids."""
    proposal: str
    good_until: Moment
    first_by: str
    why_not: str
    action: Action | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeds:
    """Everything that can be done here, by this person, now."""

    approve: Approve | None
    others: tuple[Action, ...]
    note: str
    """Why there is nothing to do, where a reader might look for it."""


def deeds(seen: Seen, who: Principal, times: Times) -> Deeds:
    """What the page offers. The use cases decide once more when a form arrives."""
    case = seen.case
    forms = {
        "reject": (Role.APPROVER, _reject),
        "retry": (Role.OPERATOR, lambda: _retry(case)),
        "release": (Role.OPERATOR, _release),
        "cancel": (Role.OPERATOR, lambda: _cancel(case, seen.policy)),
    }
    now = possible(case)
    others = [form() for name, (role, form) in forms.items() if name in now and who.may(role)]
    approve = None if seen.proposal is None else _approve(seen, seen.proposal, who, times)
    return Deeds(approve=approve, others=tuple(others), note=_note(case, who, bool(others)))


def _approve(seen: Seen, proposal: Proposal, who: Principal, times: Times) -> Approve:
    case, policy = seen.case, seen.policy
    why_not = _why_not(case, policy, proposal, who)
    action = None
    if not why_not:
        assert case.device is not None
        action = Action(
            name="approve",
            label="Approve the wipe",
            tone="bad",
            will=(),
            confirm=f"I have read what this does to {case.device.name or case.serial_number}.",
        )
    return Approve(
        will=tuple(_what_a_yes_does(seen, proposal)),
        exactly=tuple(_exactly(case, times)),
        proposal=proposal.code,
        good_until=times(proposal.good_until),
        first_by="" if proposal.first is None else proposal.first.by,
        why_not=why_not,
        action=action,
    )


def _why_not(case: Case, policy: Policy, proposal: Proposal, who: Principal) -> str:
    """Why this person cannot say yes; empty when they can."""
    if not who.may(Role.APPROVER):
        return f"You can look at this. To approve it takes the app role {Role.APPROVER.value}."
    if not policy.mode.may_write:
        return f"The mode is {policy.mode.value}; no wipe is sent in it."
    if proposal.excluded is not None:
        return proposal.excluded
    if asked_for_it(case, who.known_as):
        return "You asked for this yourself, or let the case go on. Somebody else has to approve the wipe."
    first = proposal.first
    if first is not None and (first.by_id == who.id or who.is_called(first.by)):
        return "You have approved this already. A second person has to approve it, too."
    return ""


def _exactly(case: Case, times: Times) -> list[Fact]:
    """The triple, the enrolment and the owner that the proposal's code is made of."""
    device, owner = case.device, case.owner
    assert device is not None and owner is not None
    return [
        Fact(name="Serial number", value=device.serial_number, code=True),
        Fact(name="Intune device", value=device.managed_device_id, code=True),
        Fact(name="Entra device", value=device.entra_device_id or "not known", code=True),
        Fact(name="Enrolled", value="not known", at=times.maybe(device.enrolled_at)),
        Fact(name="Owner", value=owner.user_id, code=True),
        Fact(name="Wipe", value=WIPE_FLAGS, code=True),
    ]


def _what_a_yes_does(seen: Seen, proposal: Proposal) -> list[str]:
    device, owner, policy = seen.case.device, seen.case.owner, seen.policy
    assert device is not None and owner is not None
    said = [
        f"{device.name or 'The device'} (serial number {device.serial_number}) is reset to factory settings. "
        "All data on it is lost; nobody can call that back.",
        f"{owner.display_name} ({owner.user_principal_name}) sets it up anew. The case closes when it is back, "
        "enrolled by them and compliant.",
        "Right before it is sent everything is read once more: same device, same enrolment, same owner, still "
        "non-compliant. If not, nothing is sent.",
        _when(seen),
        "Your yes is good for this one wipe, of this device, for this owner, under this policy, and for no other.",
    ]
    if proposal.first is not None:
        said.insert(0, f"{proposal.first.by} has approved. Yours is the second yes: nothing more has to be said.")
    elif policy.approvals_by_one:
        said.append(
            f"After {policy.approvals_by_one} approvals of one person in a day, a second person has to approve."
        )
    return said


def _when(seen: Seen) -> str:
    """When it would be sent, as far as that is known."""
    if seen.freeze.frozen:
        return "All wipes are frozen: it waits until an operator thaws them."
    if (outside := closed(seen.policy, seen.now)) is not None:
        return outside[1]
    notice = seen.case.notice
    if notice is not None and notice.wipe_not_before is not None and notice.wipe_not_before > seen.now:
        return "It waits until the time is over that the owner was given."
    return "It is sent within moments, unless a guardrail (wipes in an hour, in a day, not yet back) holds it."


def _reject() -> Action:
    return Action(
        name="reject",
        label="Reject",
        asks_why="Why not",
        will=("Nothing is wiped. The case rests until an operator lets it go on or cancels it.",),
    )


def _retry(case: Case) -> Action:
    goes = (
        "A wipe was sent, so it goes on waiting for the device to come back. No second wipe is sent."
        if case.wipe is not None and case.wipe.may_have_wiped
        else "It starts from the beginning: everything is read anew, and a wipe needs a new approval."
    )
    return Action(
        name="retry",
        label="Let it go on",
        will=(goes, "You cannot approve its wipe afterwards: somebody else has to."),
    )


def _release() -> Action:
    return Action(
        name="release",
        label="Look again now",
        will=(
            "The case does not wait for its next look. Nothing is skipped: every check and every limit is asked anew.",
        ),
    )


def _cancel(case: Case, policy: Policy) -> Action:
    ends = "The case ends and nothing is wiped. A new event about the device, or the sweep, opens it again."
    told = "The owner expects the wipe, and is told by mail that it is called off."
    return Action(
        name="cancel",
        label="Cancel the case",
        asks_why="Why",
        will=(ends,) if calling_off(case, policy) is None else (ends, told),
    )


def _note(case: Case, who: Principal, offered: bool) -> str:
    if offered or case.state.ended or who.may(Role.OPERATOR):
        return ""
    return "You can look at this case. To change it takes another app role."
