"""Where a case can rest and which moves are legal. The state diagram in docs/ is generated from this file."""

from enum import StrEnum


class CaseState(StrEnum):
    """Where a case rests; stored as its lower_snake value."""

    OPENED = "opened"
    CHECKING_OWNER = "checking_owner"
    CHECKING_LICENCE = "checking_licence"
    AWAITING_SEAT = "awaiting_seat"
    AWAITING_LICENCE = "awaiting_licence"
    WATCHING = "watching"
    CHECKING_READINESS = "checking_readiness"
    NOT_READY = "not_ready"
    BINDING = "binding"
    GIVING_NOTICE = "giving_notice"
    SENDING_INSTRUCTIONS = "sending_instructions"
    AWAITING_APPROVAL = "awaiting_approval"
    CLEARED_TO_WIPE = "cleared_to_wipe"
    WIPE_INTENDED = "wipe_intended"
    WIPE_SENT = "wipe_sent"
    WIPE_UNKNOWN = "wipe_unknown"
    AWAITING_ADMIN_APPROVAL = "awaiting_admin_approval"
    AWAITING_RETURN = "awaiting_return"
    AWAITING_PROOF = "awaiting_proof"
    RECLAIMING_LICENCE = "reclaiming_licence"
    NEEDS_PERSON = "needs_person"
    PROVEN = "proven"
    READY_TO_GO = "ready_to_go"
    INSTRUCTED = "instructed"
    NO_ACTION_NEEDED = "no_action_needed"
    REFUSED = "refused"
    REPORTED = "reported"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """The case is closed; only a new hint about the same device can reopen it."""
        return not TRANSITIONS[self]

    @property
    def rests(self) -> bool:
        """Handover does nothing more by itself: the case has ended or waits for a person."""
        return self.ended or self is CaseState.NEEDS_PERSON

    @property
    def meaning(self) -> str:
        """One sentence an administrator would say."""
        return MEANINGS[self]


_S = CaseState

MEANINGS: dict[CaseState, str] = {
    _S.OPENED: "A hint named this device; it has not been read yet.",
    _S.CHECKING_OWNER: "Finding out whose device this should be.",
    _S.CHECKING_LICENCE: "Checking whether the owner's licence contains Intune and Entra ID P1.",
    _S.AWAITING_SEAT: "No free licence seat; goes on by itself when one appears.",
    _S.AWAITING_LICENCE: "The licence is assigned; waiting until its plans are provisioned.",
    _S.WATCHING: "The licence is right; watching whether compliance returns without a wipe.",
    _S.CHECKING_READINESS: "Checking that tenant and device are ready for Windows Autopilot.",
    _S.NOT_READY: "Something is not ready for re-enrolment; checked again by itself.",
    _S.BINDING: "Assigning the Autopilot device to its owner.",
    _S.GIVING_NOTICE: "The owner is told by mail what is going to happen, and has time.",
    _S.SENDING_INSTRUCTIONS: "The owner of a personal device is told by mail how to connect it.",
    _S.AWAITING_APPROVAL: "A person has to approve the wipe.",
    _S.CLEARED_TO_WIPE: "Cleared for the wipe; goes as soon as no guardrail holds it.",
    _S.WIPE_INTENDED: "The wipe is written down; the device is read once more before it is sent.",
    _S.WIPE_SENT: "The wipe is on its way; its answer is not recorded yet.",
    _S.WIPE_UNKNOWN: "The answer to the wipe was lost; the device is only read, the wipe never re-sent.",
    _S.AWAITING_ADMIN_APPROVAL: "A second Intune administrator has to approve the wipe in the Intune admin center.",
    _S.AWAITING_RETURN: "The wipe was accepted; waiting for the device to come back through OOBE.",
    _S.AWAITING_PROOF: "The device is back under its owner; waiting until it is compliant.",
    _S.RECLAIMING_LICENCE: "Proven; seeing whether the staging account's licence is free again.",
    _S.NEEDS_PERSON: "Handover cannot go on alone; a person decides.",
    _S.PROVEN: "The device is enrolled by its owner and compliant.",
    _S.READY_TO_GO: "Licence and Autopilot binding are in place before the first sign-in.",
    _S.INSTRUCTED: "The owner of a personal device knows how to connect it; nothing was done to it.",
    _S.NO_ACTION_NEEDED: "Nothing has to be done.",
    _S.REFUSED: "Handover does not touch this device.",
    _S.REPORTED: "Report mode: what would have happened is written down; nothing was changed.",
    _S.CANCELLED: "A person cancelled the case.",
}

# Wherever no wipe is under way the case goes back to the licence when the owner loses it.
# A person may stop a case wherever no wipe is under way. After WIPE_INTENDED only reading goes on.
_STOP = {_S.NEEDS_PERSON, _S.CANCELLED}
_AFTER_LICENCE = {_S.WATCHING, _S.CHECKING_READINESS, _S.SENDING_INSTRUCTIONS}

TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    _S.OPENED: frozenset({_S.CHECKING_OWNER, _S.NO_ACTION_NEEDED, _S.REFUSED, *_STOP}),
    _S.CHECKING_OWNER: frozenset({_S.CHECKING_LICENCE, _S.REFUSED, *_STOP}),
    _S.CHECKING_LICENCE: frozenset({_S.AWAITING_SEAT, _S.AWAITING_LICENCE, *_AFTER_LICENCE, *_STOP}),
    _S.AWAITING_SEAT: frozenset({_S.AWAITING_LICENCE, *_AFTER_LICENCE, *_STOP}),
    _S.AWAITING_LICENCE: frozenset({_S.CHECKING_LICENCE, _S.AWAITING_SEAT, *_AFTER_LICENCE, *_STOP}),
    _S.WATCHING: frozenset({_S.CHECKING_READINESS, _S.NO_ACTION_NEEDED, _S.REFUSED, _S.REPORTED, *_STOP}),
    _S.SENDING_INSTRUCTIONS: frozenset({_S.INSTRUCTED, _S.REPORTED, *_STOP}),
    _S.CHECKING_READINESS: frozenset(
        {
            _S.CHECKING_LICENCE,
            _S.WATCHING,
            _S.NOT_READY,
            _S.BINDING,
            _S.NO_ACTION_NEEDED,
            _S.REPORTED,
            _S.REFUSED,
            *_STOP,
        }
    ),
    _S.NOT_READY: frozenset({_S.CHECKING_LICENCE, _S.BINDING, _S.REPORTED, _S.NO_ACTION_NEEDED, _S.REFUSED, *_STOP}),
    _S.BINDING: frozenset(
        {
            _S.CHECKING_LICENCE,
            _S.GIVING_NOTICE,
            _S.AWAITING_APPROVAL,
            _S.CLEARED_TO_WIPE,
            _S.READY_TO_GO,
            _S.REPORTED,
            *_STOP,
        }
    ),
    _S.GIVING_NOTICE: frozenset(
        {
            _S.CHECKING_LICENCE,
            _S.AWAITING_APPROVAL,
            _S.CLEARED_TO_WIPE,
            _S.NO_ACTION_NEEDED,
            _S.REFUSED,
            _S.REPORTED,
            *_STOP,
        }
    ),
    _S.AWAITING_APPROVAL: frozenset(
        {_S.CHECKING_LICENCE, _S.CLEARED_TO_WIPE, _S.WATCHING, _S.NO_ACTION_NEEDED, _S.REFUSED, *_STOP}
    ),
    _S.CLEARED_TO_WIPE: frozenset({_S.WIPE_INTENDED, _S.GIVING_NOTICE, _S.AWAITING_APPROVAL, _S.WATCHING, *_STOP}),
    _S.WIPE_INTENDED: frozenset(
        {
            _S.CHECKING_LICENCE,
            _S.WIPE_SENT,
            _S.CLEARED_TO_WIPE,
            _S.AWAITING_ADMIN_APPROVAL,
            _S.NOT_READY,
            _S.WATCHING,
            _S.NO_ACTION_NEEDED,
            _S.REFUSED,
            *_STOP,
        }
    ),
    # back to CLEARED_TO_WIPE only by the worker that knows for sure that nothing left it
    _S.WIPE_SENT: frozenset(
        {_S.AWAITING_RETURN, _S.WIPE_UNKNOWN, _S.AWAITING_ADMIN_APPROVAL, _S.CLEARED_TO_WIPE, _S.NEEDS_PERSON}
    ),
    _S.WIPE_UNKNOWN: frozenset({_S.AWAITING_RETURN, _S.AWAITING_ADMIN_APPROVAL, _S.NEEDS_PERSON}),
    # Intune answered that it has not wiped; to WIPE_INTENDED with the approval's code, for the same attempt
    _S.AWAITING_ADMIN_APPROVAL: frozenset({_S.WIPE_INTENDED, _S.AWAITING_RETURN, _S.NO_ACTION_NEEDED, *_STOP}),
    _S.AWAITING_RETURN: frozenset({_S.AWAITING_PROOF, _S.NEEDS_PERSON}),
    _S.AWAITING_PROOF: frozenset({_S.RECLAIMING_LICENCE, _S.PROVEN, _S.NEEDS_PERSON}),
    # nothing that happens here takes the proof away
    _S.RECLAIMING_LICENCE: frozenset({_S.PROVEN}),
    _S.NEEDS_PERSON: frozenset({_S.OPENED, _S.AWAITING_RETURN, _S.CANCELLED}),
    _S.PROVEN: frozenset(),
    _S.READY_TO_GO: frozenset(),
    _S.INSTRUCTED: frozenset(),
    _S.NO_ACTION_NEEDED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.REPORTED: frozenset(),
    _S.CANCELLED: frozenset(),
}


class IllegalMove(Exception):
    """A rule asked for a move that the transition table does not know: a bug, never the world's fault."""


def check_move(current: CaseState, to: CaseState) -> None:
    """Raise IllegalMove unless ``to`` is the same state (a wait) or a legal next state."""
    if to is not current and to not in TRANSITIONS[current]:
        raise IllegalMove(f"{current} -> {to}")
