"""What a person asks of the list of cases. Apart from what answers, so that a handler can say it before that is loaded."""

from dataclasses import dataclass

from shared.domain.reasons import Reason
from shared.domain.states import CaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to list. With ``serial``, ``device`` or ``user`` (beginnings of names), ``name`` (any of them) or ``state``, cases of any age are found;
    without, ``which`` chooses between open cases and those that ended in ``month`` (YYYY-MM; None: this one)."""

    which: str = "all"
    serial: str = ""
    device: str = ""
    user: str = ""
    name: str = ""
    state: CaseState | None = None
    reason: Reason | None = None
    month: str | None = None
    after: str = ""
    most: int = 50
