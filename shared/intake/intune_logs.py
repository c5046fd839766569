"""Intune's diagnostic logs as they come out of an Event Hub: untrusted, tolerant of change, hints and never evidence.

Sources: "Send Intune log data to Azure Storage, Event Hubs, or Log Analytics" in the Intune docs, and records of the
categories OperationalLogs and AuditLogs as they were seen; their schemas "can change", says Microsoft. What has no name
here is counted and left alone: the sweep finds what it may have meant.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput
from shared.intake.packing import HintQueue
from shared.names import INTUNE_LOGS
from shared.ports import Clock
from shared.records.parked import ParkingLot
from shared.telemetry import event

log = logging.getLogger(__name__)

MOST_BYTES = 1_048_576
"""Of one event, as Event Hubs has it."""
SOURCE = "intune"
NOT_COMPLIANT = "managed device not compliant"
ASSIGNED_IN_AUTOPILOT = "assignusertodevice windowsautopilotdeviceidentity"
"""The name follows the pattern of the names that were seen, ``<action> <EntityType>``; it was not seen itself."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_ID = "00000000-0000-0000-0000-000000000000"

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLogs:
    """What one event told: distinct hints, and how many records of each kind."""

    hints: tuple[Hint, ...]
    counts: Mapping[str, int]
    """hint, known, unknown, other_tenant, malformed."""
    unknown: Mapping[str, int]
    """Records without a name here, by "category operation"."""


def read_intune_logs(body: str, tenant_id: str, now: datetime) -> ReadLogs:
    """One event: ``{"records": [...]}``, a list of records, or one record. Raises BadInput for anything else."""
    hints: dict[tuple[Subject, str], Hint] = {}
    counts, unknown = Counter[str](), Counter[str]()
    for record in _records(body):
        if not isinstance(record, dict):
            counts["malformed"] += 1
            continue
        fields = cast("dict[str, object]", record)
        if _text(fields.get("tenantId")).lower() != tenant_id.lower():
            counts["other_tenant"] += 1
            continue
        found = _read(fields, now)
        if found is None:
            counts["unknown"] += 1
            unknown[f"{_text(fields.get('category'))[:32]} {_text(fields.get('operationName'))[:96]}"] += 1
        else:
            counts["hint" if found else "known"] += 1
            hints |= {(hint.subject, hint.key): hint for hint in found}
    return ReadLogs(hints=tuple(hints.values()), counts=counts, unknown=unknown)


def _records(body: str) -> Sequence[object]:
    if len(body) > MOST_BYTES:
        raise BadInput("the event is larger than 1 MB")
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("the event is not JSON") from error
    if isinstance(document, dict):
        fields = cast("dict[str, object]", document)
        if "records" not in fields:
            return [fields]
        document = fields["records"]
    if not isinstance(document, list):
        raise BadInput("the event has no list named records")
    return cast("list[object]", document)


def _read(record: Record, now: datetime) -> list[Hint] | None:
    """Hints; none for a record that is known and says nothing of use; None for one that has no name here."""
    properties = record.get("properties")
    details = cast("dict[str, object]", properties) if isinstance(properties, dict) else {}
    match _text(record.get("category")).lower(), _text(record.get("operationName")).lower():
        case "operationallogs", "compliance":
            if _text(details.get("AlertType")).lower() != NOT_COMPLIANT:
                return []
            return list(
                _hints(Subject.MANAGED_DEVICE, Cause.NONCOMPLIANT, [details.get("IntuneDeviceId")], record, now)
            )
        case "operationallogs", "enrollment":
            return []  # a wiped device that enrols is noticed by the timer that watches for it; any other is not ours yet
        case "auditlogs", operation if operation == ASSIGNED_IN_AUTOPILOT:
            targets = details.get("TargetObjectIds")
            if _text(record.get("resultType")).lower() != "success" or not isinstance(targets, list):
                return []
            ids = cast("list[object]", targets)
            return list(_hints(Subject.AUTOPILOT_DEVICE, Cause.USER_ASSIGNED, ids, record, now))
        case _:
            return None


def _hints(subject: Subject, cause: Cause, ids: Sequence[object], record: Record, now: datetime) -> Iterator[Hint]:
    for one in ids:
        text = _text(one)
        if _GUID.fullmatch(text) and text != _NO_ID:
            yield Hint(subject=subject, key=text.lower(), cause=cause, source=SOURCE, at=_time(record, now))


def _time(record: Record, now: datetime) -> datetime:
    """When it happened by the record's word, never later than now; now for a word that cannot be read."""
    try:
        time = datetime.fromisoformat(_text(record.get("time")))
        return min(time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC), now)
    except (ValueError, OverflowError):  # the latter in the first and the last hours of the calendar
        return now


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeIntuneLogs:
    """The use case behind the Event Hub: its hints go the way of the webhook's."""

    tenant_id: str
    hints: HintQueue
    parking: ParkingLot
    clock: Clock

    async def take(self, bodies: Sequence[str]) -> None:
        """Returns when every hint is stored and what cannot be read is parked; raises RetryLater when storage is away."""
        counts, unknown = Counter[str](), Counter[str]()
        for body in bodies:
            try:
                read = read_intune_logs(body, self.tenant_id, self.clock.now())
            except BadInput as error:
                await self.parking.park(INTUNE_LOGS, body, str(error), self.clock.now())
                continue
            await self.hints.send(read.hints)
            counts.update(read.counts)
            unknown.update(read.unknown)
        event(log, "intune_logs.taken", events=len(bodies), records=counts.total(), by_kind=counts)
        if unknown:
            event(log, "intune_logs.unknown", operations=dict(unknown.most_common(20)))
