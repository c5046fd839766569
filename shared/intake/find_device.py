"""Which case a hint about a device belongs to. Graph is asked at most once a minute about one serial number or Entra device."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from shared.domain.case import case_id_for_autopilot, case_id_for_device
from shared.domain.facts import Missing
from shared.domain.hint import Hint, Subject
from shared.errors import RetryLater
from shared.ports import Autopilot, Clock, Devices
from shared.records.asked import Asked, AskedBook
from shared.records.gate import GraphGate

FIND_AGAIN_AFTER = timedelta(minutes=1)
"""What Graph said of a serial number or an Entra device id is good for this long."""
BEING_LOOKED_FOR = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The case that the hint is about. ``serial_number`` is of a PC before its first sign-in."""

    case_id: str
    serial_number: str | None = None


class NotFound(Enum):
    """Why there is no case."""

    NO_SUCH_DEVICE = auto()
    AMBIGUOUS = auto()
    LOOKED_A_MOMENT_AGO = auto()
    """Somebody just looked and found none, or still looks; what the hint tells may be newer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindDevice:
    """Finds devices by whatever id the hint has."""

    devices: Devices
    autopilot: Autopilot
    asked: AskedBook
    gate: GraphGate
    clock: Clock

    async def find(self, hint: Hint) -> Found | NotFound:
        """Raises RetryLater when Graph may not be asked now or does not answer."""
        if hint.subject is Subject.MANAGED_DEVICE:
            return Found(case_id=case_id_for_device(hint.key))
        found = await self._look(hint, FIND_AGAIN_AFTER)
        if not isinstance(found, Asked):
            return found
        if found.case_id:
            return Found(case_id=found.case_id, serial_number=found.serial_number)
        if hint.owner is None:
            return NotFound.LOOKED_A_MOMENT_AGO
        # an assignment cannot come as a second look, which names no owner; but its repeats are as old as itself
        if found.case_id is None:
            raise RetryLater("another worker looks for this device right now", BEING_LOOKED_FOR)
        if found.looked_at is not None and hint.at <= found.looked_at:
            return NotFound.NO_SUCH_DEVICE
        anew = await self._look(hint, timedelta())
        assert not isinstance(anew, Asked)
        return anew

    async def _look(self, hint: Hint, unless_within: timedelta) -> Found | NotFound | Asked:
        """Ask Graph, unless somebody just did: then what is known of that."""
        now = self.clock.now()
        passage = await self.gate.enter(now)
        if passage.wait_until is not None:
            raise RetryLater("Graph asked the whole tenant to wait", passage.wait_until - now)
        looks, asked = await self.asked.begin_to_look(hint.subject, hint.key, now, unless_within=unless_within)
        if not looks:
            return asked
        try:
            found = await self._ask_graph(hint)
        except RetryLater as error:
            await self.gate.close_if_throttled(error, now)
            raise
        if passage.tries:
            await self.gate.came_through(self.clock.now())
        case_id, serial_number = (found.case_id, found.serial_number) if isinstance(found, Found) else ("", None)
        await self.asked.found(hint.subject, hint.key, case_id, serial_number)
        return found

    async def _ask_graph(self, hint: Hint) -> Found | NotFound:
        if hint.subject is Subject.AUTOPILOT_DEVICE:
            return await self._of_registration(hint.key)
        if hint.subject is Subject.ENTRA_DEVICE:
            rows = await self.devices.with_entra_device(hint.key)
        else:
            rows = await self.devices.with_serial_number(hint.key)
        if rows:
            return Found(case_id=case_id_for_device(rows[0].id))
        if hint.subject is Subject.ENTRA_DEVICE:
            return NotFound.NO_SUCH_DEVICE
        registered = await self.autopilot.with_serial_number(hint.key)
        if len(registered) > 1:
            return NotFound.AMBIGUOUS
        if not registered:
            return NotFound.NO_SUCH_DEVICE
        return Found(case_id=case_id_for_autopilot(registered[0].id), serial_number=registered[0].serial_number)

    async def _of_registration(self, autopilot_id: str) -> Found | NotFound:
        registered = await self.autopilot.read(autopilot_id)
        if isinstance(registered, Missing):
            return NotFound.NO_SUCH_DEVICE
        enrolments = await self.devices.with_serial_number(registered.serial_number)
        if enrolments:
            return Found(case_id=case_id_for_device(enrolments[0].id))
        return Found(case_id=case_id_for_autopilot(registered.id), serial_number=registered.serial_number)
