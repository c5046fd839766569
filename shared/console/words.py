"""States, reasons and ways in, in the words and tones of the console."""

from dataclasses import dataclass

from shared.domain.states import CaseState

_S = CaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pill:
    """A short word with a tone: you (a person is asked), bad, good, wait, wipe or quiet."""

    text: str
    tone: str
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """States that belong together on the way of a case."""

    name: str
    states: tuple[CaseState, ...]


PHASES = (
    Phase(name="Confirm", states=(_S.OPENED, _S.CHECKING_OWNER)),
    Phase(name="Licence", states=(_S.CHECKING_LICENCE, _S.AWAITING_SEAT, _S.AWAITING_LICENCE)),
    Phase(name="Watch", states=(_S.WATCHING,)),
    Phase(name="Make ready", states=(_S.CHECKING_READINESS, _S.NOT_READY, _S.BINDING)),
    Phase(name="Hold", states=(_S.GIVING_NOTICE, _S.SENDING_INSTRUCTIONS, _S.AWAITING_APPROVAL, _S.CLEARED_TO_WIPE)),
    Phase(name="Wipe", states=(_S.WIPE_INTENDED, _S.WIPE_SENT, _S.WIPE_UNKNOWN, _S.AWAITING_ADMIN_APPROVAL)),
    Phase(name="Return", states=(_S.AWAITING_RETURN, _S.AWAITING_PROOF, _S.RECLAIMING_LICENCE)),
    Phase(name="Needs a person", states=(_S.NEEDS_PERSON,)),
)
"""Every open state has its place, in the order of the way."""

ENDS = (
    _S.PROVEN,
    _S.READY_TO_GO,
    _S.INSTRUCTED,
    _S.NO_ACTION_NEEDED,
    _S.REPORTED,
    _S.REFUSED,
    _S.CANCELLED,
)
"""Every state in which a case has ended."""

_TONES = {
    _S.AWAITING_APPROVAL: "you",
    _S.AWAITING_ADMIN_APPROVAL: "you",
    _S.NEEDS_PERSON: "bad",
    _S.WIPE_UNKNOWN: "bad",
    _S.CLEARED_TO_WIPE: "wipe",
    _S.WIPE_INTENDED: "wipe",
    _S.WIPE_SENT: "wipe",
    _S.AWAITING_RETURN: "wipe",
    _S.PROVEN: "good",
    _S.READY_TO_GO: "good",
    _S.INSTRUCTED: "good",
}


def words(name: str) -> str:
    """``awaiting_approval`` as people write it."""
    return name.replace("_", " ")


def state_pill(state: CaseState) -> Pill:
    """The state with its tone; what nobody has to look at is quiet."""
    tone = _TONES.get(state, "quiet" if state.ended else "wait")
    return Pill(text=words(state.value), tone=tone, meaning=state.meaning)


WAYS_IN = {
    "graph": "Microsoft Graph notification",
    "device-events": "event on the device-events queue",
    "intune": "Intune diagnostic log",
    "sweep": "the sweep",
    "person": "a person",
}


def way_in(source: str) -> str:
    """Where a hint came from."""
    return WAYS_IN.get(source, source)
