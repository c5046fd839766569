"""Which cases operators are told of, and in which words."""

from shared.domain.case import Case
from shared.domain.facts import Freeze
from shared.domain.operators import About, OperatorNotice
from shared.domain.states import CaseState
from shared.rules.decisions import stamp

_ABOUT = {
    CaseState.NEEDS_PERSON: About.NEEDS_PERSON,
    CaseState.AWAITING_APPROVAL: About.APPROVAL_NEEDED,
    CaseState.AWAITING_SEAT: About.NO_SEAT,
    CaseState.WIPE_UNKNOWN: About.WIPE_UNKNOWN,
}
TOLD_OF = frozenset(_ABOUT)
_TITLES = {
    About.NEEDS_PERSON: "{device} needs a person",
    About.APPROVAL_NEEDED: "Wiping {device} needs an approval",
    About.NO_SEAT: "No licence seat for the owner of {device}",
    About.WIPE_UNKNOWN: "It is not known whether {device} is being wiped",
}


def matter_of(case: Case) -> OperatorNotice | None:
    """What operators are told of this case as it stands; None when there is nothing for them to do."""
    about = _ABOUT.get(case.state)
    if about is None:
        return None
    device = case.device.name if case.device is not None else f"the PC {case.serial_number or case.id}"
    facts = (
        ("Device", device),
        ("Serial number", case.serial_number or ""),
        ("Owner", case.owner.user_principal_name if case.owner is not None else ""),
        ("Reason", case.reason.value),
        ("Case", case.id),
        ("Since", stamp(case.entered_at or case.moved_at)),
    )
    return OperatorNotice(
        key=f"{case.id}-{case.episode}-{case.state.value}-{case.reason.value}",
        about=about,
        at=case.entered_at or case.moved_at,
        title=_TITLES[about].format(device=device),
        text=case.says,
        facts=tuple((name, value) for name, value in facts if value),
        case_id=case.id,
    )


def matter_of_freeze(freeze: Freeze) -> OperatorNotice | None:
    """What operators are told when all wipes are frozen, once each time; None while they are not."""
    if not freeze.frozen or freeze.at is None:
        return None
    return OperatorNotice(
        key=f"freeze-{freeze.at:%Y%m%dT%H%M%S}",
        about=About.FROZEN,
        at=freeze.at,
        title="All wipes are frozen",
        text=freeze.why or "No reason is given.",
        facts=(("By", freeze.by or "unknown"), ("Since", stamp(freeze.at))),
    )
