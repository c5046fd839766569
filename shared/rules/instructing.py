"""SENDING_INSTRUCTIONS: a personal device is its owner's. They are told by mail how to connect it; nothing is done to it."""

from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Notice
from shared.domain.effects import Matter
from shared.domain.facts import Facts
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import ask_person, go, stamp, wait
from shared.rules.notice import tell

TELL_AGAIN_AFTER = timedelta(days=30)
STEPS = "Settings > Accounts > Access work or school: disconnect the old account, then Connect with the own one"


def instruct(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide SENDING_INSTRUCTIONS."""
    assert case.owner is not None and case.device is not None
    name, device = case.owner.display_name, case.device.name
    if policy.mode is Mode.REPORT:
        would = (*case.would_do, f"mail {case.owner.user_principal_name} how to connect the personal device")
        return go(CaseState.REPORTED, Reason.MODE_IS_REPORT, f"Report mode. Would {'; '.join(would)}.", would_do=would)
    if case.instructed_at is not None and now - case.instructed_at < TELL_AGAIN_AFTER:
        return go(
            CaseState.INSTRUCTED,
            Reason.OWNER_INSTRUCTED,
            f"{name} was told on {stamp(case.instructed_at)} how to connect {device}; it is not said again so soon.",
        )
    notice = case.notice
    if notice is not None and notice.matter is Matter.CONNECT_PERSONAL_DEVICE:
        if notice.refused is not None:
            return ask_person(
                Reason.OWNER_NOT_INSTRUCTED,
                f"{name} could not be told by mail: {notice.refused}. Tell them: on {device}, {STEPS}.",
                notice=None,
            )
        if notice.sent:
            return go(
                CaseState.INSTRUCTED,
                Reason.OWNER_INSTRUCTED,
                f"{device} is {name}'s own and is never wiped. {name} was told by mail how to connect it.",
                instructed_at=now,
            )
    if not policy.tells_owner:
        return ask_person(
            Reason.OWNER_NOT_INSTRUCTED,
            f"{device} is {name}'s own and is never wiped, and no mailbox is configured. Tell them: on {device}, {STEPS}.",
        )
    return wait(
        case,
        Reason.TELLING_OWNER,
        f"Telling {name} by mail how to connect {device}.",
        until=now,
        effect=tell(case, Matter.CONNECT_PERSONAL_DEVICE),
        notice=Notice(matter=Matter.CONNECT_PERSONAL_DEVICE, decided_at=now),
    )
