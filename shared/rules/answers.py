"""What an effect's answer changes in the case, before the next decision looks at it."""

from collections.abc import Mapping
from dataclasses import replace

from shared.domain.case import Case
from shared.domain.effects import (
    Answer,
    AssignLicence,
    BindOwner,
    Effect,
    JoinLicenceGroup,
    Refused,
    RemoveLicences,
    ReprocessLicences,
    TellOwner,
)


def changes_by(case: Case, effect: Effect, answer: Answer) -> Mapping[str, object]:
    """The case fields that the answer sets."""
    refused = f"{answer.code}: {answer.message}" if isinstance(answer, Refused) else None
    match effect:
        case AssignLicence() | JoinLicenceGroup() | ReprocessLicences():
            return {"licence": replace(case.licence, refused=refused) if case.licence is not None else None}
        case BindOwner():
            return {"bound": refused is None, "binding_refused": refused}
        case RemoveLicences():
            reclaim = case.reclaim
            return {"reclaim": None if reclaim is None else replace(reclaim, done=refused is None, refused=refused)}
        case TellOwner() if case.notice is not None and case.notice.matter is effect.matter:
            return {"notice": replace(case.notice, sent=refused is None, refused=refused)}
        case _:
            return {}
