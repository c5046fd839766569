"""What a person does about input that was set aside: look at it, replay it, mended if need be, or discard it."""

from dataclasses import dataclass
from typing import Any

from shared.domain.states import CaseState
from shared.errors import BadInput, Changed
from shared.intake.device_events import read_device_event
from shared.intake.messages import read_hints
from shared.names import CASE_STEPS, DEVICE_EVENTS, HINTS, INTUNE_LOGS, NOTICES, WIPE_STEPS
from shared.operate.principals import Principal, Role
from shared.operate.refusals import NothingParked, NotReplayable
from shared.ports import Clock, Messages
from shared.records.cases import CaseStore
from shared.records.parked import ParkedInput, ParkingLot, Settled
from shared.remedy.messages import queue_of, read_step, write_step
from shared.remedy.notice_messages import read_pointer
from shared.rules.decide import AFTER_THE_WIPE

Json = dict[str, Any]

SOURCES = (DEVICE_EVENTS, HINTS, CASE_STEPS, WIPE_STEPS, NOTICES, INTUNE_LOGS)
MOST_ON_A_PAGE = 50
_STEPS = (CASE_STEPS, WIPE_STEPS)
_PAST_WIPE_INTENT = {CaseState.WIPE_INTENDED, *AFTER_THE_WIPE}


@dataclass(frozen=True, slots=True, kw_only=True)
class TendParkedInput:
    """The operator's actions on parked input. Each names who did it, in the row and (as a pseudonym) in the log, and
    raises NotAllowed for who is no operator.
    """

    parking: ParkingLot
    cases: CaseStore
    messages: Messages
    clock: Clock

    async def list(self, *, source: str | None, after: str, settled: bool) -> Json:
        """A page of what waits for a person (or of what was settled), oldest first, without bodies.

        ``next`` is what to give as ``after`` for the next page. Raises BadInput for a source that nothing comes from.
        """
        if source is not None and source not in SOURCES:
            raise BadInput(f"source must be one of {', '.join(SOURCES)}")
        sources = SOURCES if source is None else (source,)
        found = await self.parking.page(sources, after=after, most=MOST_ON_A_PAGE + 1, settled=settled)
        page = found[:MOST_ON_A_PAGE]
        return {"parked": [_line(each) for each in page], "next": page[-1].id if len(found) > len(page) else None}

    async def show(self, parked_id: str) -> Json:
        """One of them, with its body. Raises NothingParked."""
        parked = await self._find(parked_id)
        return {**_line(parked), "body": parked.body}

    async def replay(self, parked_id: str, *, body: str | None, who: Principal) -> Json:
        """Put it on its queue again, with another body if one is given; it is read first as its queue would read it.

        Doing it twice sends it once, and if it is sent twice all the same that is harmless: every message is only a
        pointer. Raises NothingParked, NotReplayable, or BadInput for a body that would be parked again.
        """
        who.must(Role.OPERATOR)
        parked = await self._find(parked_id)
        if parked.settled is not None and parked.settled.how == "replayed":
            return _line(parked)
        if parked.settled is not None:
            raise NotReplayable(f"It was discarded by {parked.settled.by}.")
        if body is None and parked.cut:
            raise NotReplayable("Only the beginning of this message was kept: give it a whole body.")
        queue, message = await self._readable(parked, parked.body if body is None else body, mended=body is not None)
        # sent before it is noted: if we die in between it can be replayed again, and is never lost
        await self.messages.send(queue, message)
        return await self._settle(parked, "replayed", who, "mended" if body is not None else "as it was")

    async def discard(self, parked_id: str, *, who: Principal, why: str) -> Json:
        """It is of no use: its body is forgotten, the reason and who said so stay. Raises NothingParked, NotReplayable."""
        who.must(Role.OPERATOR)
        parked = await self._find(parked_id)
        if parked.settled is not None and parked.settled.how == "replayed":
            raise NotReplayable(f"It was replayed by {parked.settled.by}.")
        return _line(parked) if parked.settled else await self._settle(parked, "discarded", who, why)

    async def _find(self, parked_id: str) -> ParkedInput:
        parked = await self.parking.find(parked_id)
        if parked is None:
            raise NothingParked("Nothing with this id was set aside.")
        return parked

    async def _readable(self, parked: ParkedInput, body: str, *, mended: bool) -> tuple[str, str]:
        """The queue and the message to put there."""
        if parked.source == DEVICE_EVENTS:
            read_device_event(body, self.clock.now())
            return DEVICE_EVENTS, body
        if parked.source == HINTS:
            read_hints(body)
            return HINTS, body
        if parked.source == NOTICES:
            read_pointer(body)
            return NOTICES, body
        if parked.source not in _STEPS:
            raise NotReplayable(
                "Records of Intune's logs are not replayed; the sweep finds what they told. Discard it."
            )
        if mended:
            raise NotReplayable("A step names a case and nothing else: there is nothing to mend. Retry the case.")
        return await self._step(body)

    async def _step(self, body: str) -> tuple[str, str]:
        """A step is sent again only when it is still the next one of its case, and never once a wipe is intended."""
        step = read_step(body)
        stored = await self.cases.load(step.case_id)
        if stored is None:
            raise NotReplayable(f"There is no case {step.case_id}.")
        if stored.case.state in _PAST_WIPE_INTENT:
            raise NotReplayable("The case is at its wipe or past it; Handover goes on with it by itself.")
        if stored.case.version != step.version:
            raise NotReplayable("The case has moved on since; the message would change nothing.")
        return queue_of(stored.case), write_step(step)

    async def _settle(self, parked: ParkedInput, how: str, who: Principal, why: str) -> Json:
        settled = Settled(how=how, by=who.name, by_id=who.id, at=self.clock.now(), why=why)
        try:
            await self.parking.settle(parked, settled, keep_body=how == "replayed")
        except Changed:
            return _line(await self._find(parked.id))  # a second click was quicker
        return _line(await self._find(parked.id))


def _line(parked: ParkedInput) -> Json:
    settled = parked.settled
    return {
        "id": parked.id,
        "source": parked.source,
        "reason": parked.reason,
        "at": parked.at.isoformat(),
        "characters": len(parked.body),
        "cut": parked.cut,
        "settled": None
        if settled is None
        else {
            "how": settled.how,
            "by": settled.by,
            "by_id": settled.by_id,
            "at": settled.at.isoformat(),
            "why": settled.why,
        },
    }
