"""One line of the worklist: what a list shows of a case without reading it."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from shared.domain.case import Case
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.ports import Row, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the worklist. It is written after the case, so it may lag behind; the row decides."""

    case_id: str
    state: CaseState
    reason: Reason
    due_at: datetime | None
    moved_at: datetime
    serial_number: str
    owner_id: str
    owner: str = ""
    """UPN."""
    device: str = ""
    heard_from: str = ""
    opened_at: datetime | None = None
    entered_at: datetime | None = None


def shown_state(state: CaseState) -> CaseState:
    """Under which state lists and counts have a case. Between the note that a wipe is sent and its sending nothing else is
    written, so those few moments are shown as the state before them."""
    return CaseState.WIPE_INTENDED if state is CaseState.WIPE_SENT else state


def line_of(case: Case) -> Listed:
    """The line of a case."""
    return Listed(
        case_id=case.id,
        state=case.state,
        reason=case.reason,
        due_at=case.due_at,
        moved_at=case.moved_at,
        serial_number=case.serial_number or "",
        owner_id=case.owner.user_id if case.owner is not None else "",
        owner=case.owner.user_principal_name if case.owner is not None else "",
        device=case.device.name if case.device is not None else "",
        heard_from=case.heard_from,
        opened_at=case.opened_at,
        entered_at=case.entered_at,
    )


def data_of(line: Listed) -> dict[str, Value]:
    """The line as a row."""
    data: dict[str, Value] = {
        "state": line.state.value,
        "reason": line.reason.value,
        "moved_at": line.moved_at,
        "serial_number": line.serial_number,
        "owner_id": line.owner_id,
        "owner": line.owner,
        "device": line.device,
        "heard_from": line.heard_from,
    }
    times = {"due_at": line.due_at, "opened_at": line.opened_at, "entered_at": line.entered_at}
    return data | {name: at for name, at in times.items() if at is not None}


def line_in(row: Row) -> Listed:
    """The line that a row holds; one of an older version of the product lacks some of it."""
    data = row.data
    return Listed(
        case_id=row.key,
        state=CaseState(str(data["state"])),
        reason=Reason(str(data["reason"])),
        due_at=cast("datetime | None", data.get("due_at")),
        moved_at=cast("datetime", data["moved_at"]),
        serial_number=str(data.get("serial_number", "")),
        owner_id=str(data.get("owner_id", "")),
        owner=str(data.get("owner", "")),
        device=str(data.get("device", "")),
        heard_from=str(data.get("heard_from", "")),
        opened_at=cast("datetime | None", data.get("opened_at")),
        entered_at=cast("datetime | None", data.get("entered_at")),
    )
