"""What people do in a history: they report devices, approve, cancel, freeze, retry; and somebody writes on our queues."""

import contextlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.domain.case import proposal_of
from shared.domain.hint import Cause, Hint, Subject
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.intake.messages import write_hints
from shared.names import CASE_STEPS, DEVICE_EVENTS, HINTS, LEDGERS, NOTICES, WIPE_STEPS
from shared.operate.refusals import NoSuchCase, NotNow
from shared.records.freeze import FreezeSwitch
from shared.records.ledger import Ledger
from shared.remedy.messages import StepDue, write_step
from tests.fakes.ids import CountingIds
from tests.fakes.people import person
from tests.safety import cast
from tests.safety.accidents import Io
from tests.safety.scheduler import finish

if TYPE_CHECKING:
    from tests.safety.history import History

AMBUSHED = 0.12
"""How often something happens at an I/O of a worker that is about to wipe."""
FROZEN = 0.15
"""How often that is somebody who freezes everything."""
ANN = person("ann@contoso.example")
PERSONS = (ANN, person("bob@contoso.example"))


@dataclass(slots=True, kw_only=True)
class People:
    """Everybody outside of the app."""

    history: "History"
    _approving: bool = False
    _retriers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By case id: who certainly let it go on."""
    _looked_at: datetime = cast.START

    def make_plans(self) -> None:
        """What will happen, and when."""
        history, rng = self.history, self.history.rng
        shape = history.shape
        assert shape is not None
        serials = cast.SERIALS[: shape.devices]
        for serial in serials:
            for _ in range(rng.choice((1, 1, 2))):
                at = self._some_time(hours=2) / (6 if shape.ramped else 1)  # so soon after each other that limits hold
                history.later(at, f"{serial} is reported", lambda s=serial: self._report(s))
        for happening in cast.happenings(rng, serials, most=shape.happenings):
            history.later(happening.at, happening.what, lambda h=happening: self._happens(h))
        if shape.redeployed:
            history.later(self._some_time(hours=110), "the app is deployed with another setting", history.redeploy)
        if shape.people:
            self._plan_interference()
        if shape.hostile:
            for _ in range(rng.randint(1, 8)):
                history.later(self._some_time(hours=110), "somebody writes on a queue", self._forge)

    def make_plans_for(self, lasts: timedelta) -> None:
        """What will happen in a short time: much of it at once, while a worker is at work."""
        history, rng = self.history, self.history.rng
        shape = history.shape
        assert shape is not None
        serials = cast.SERIALS[: shape.devices]
        if rng.random() < 0.2:
            serial = rng.choice(serials)
            history.later(self._soon(lasts), f"{serial} is reported", lambda: self._report(serial))
        excluded = [cast.exclusion()] if shape.exclusion and rng.random() < 0.3 else []
        for happening in (*excluded, *cast.happenings(rng, serials, most=shape.happenings)):
            history.later(self._soon(lasts), happening.what, lambda h=happening: self._happens(h))
        if shape.redeployed:
            history.later(self._soon(lasts), "the app is deployed with another setting", history.redeploy)
        if shape.people:
            self._plan_freeze(0.8 if shape.slow else 0.3, self._soon(lasts))
            for verb in ("cancel", "reject", "retry"):
                self._plan_act(verb, 0.15, self._soon(lasts))
        if shape.hostile:
            for _ in range(rng.randint(1, 4)):
                history.later(self._soon(lasts), "somebody writes on a queue", self._forge)

    def _soon(self, lasts: timedelta) -> timedelta:
        """At once, within the two minutes that a slow I/O takes at most, or later."""
        rng = self.history.rng
        which = rng.random()
        if which < 0.4:
            return timedelta()
        return timedelta(seconds=rng.randint(0, 120)) if which < 0.8 else lasts * rng.random()

    def lie_in_wait(self, io: Io) -> None:
        """Now and then the world changes between two I/Os of a worker that is about to wipe."""
        history = self.history
        if not history.scheduler.current.startswith("take_wipe_step") or history.rng.random() >= AMBUSHED:
            return
        assert history.shape is not None
        if history.rng.random() < FROZEN:
            history.told.append(f"{history.clock.now():%d %H:%M:%S} at {io.name}: everything is frozen")
            history.begin("freezer", lambda: self._freeze(frozen=True))
            self._plan_thaw(history.clock.now() - history.began)
            return
        happening = cast.happening(history.rng, cast.SERIALS[: history.shape.devices])
        history.told.append(f"{history.clock.now():%d %H:%M:%S} at {io.name}: {happening.what}")
        self._happens(happening, beside_ours=True)

    def _happens(self, happening: cast.Happening, *, beside_ours: bool = False) -> None:
        """The watchdog judges nothing that was before its first look, and cannot tell one beside ours from it."""
        looked = ("watchdog", "wipes") in self.history.rows.table(LEDGERS)
        devices = self.history.model.managed_devices.store.values()
        device_id = next((device.id for device in devices if device.serial in happening.what), "")
        if not happening.do(self.history.model):
            return
        if happening.alarms and looked and not beside_ours:
            self.history.witness.foreign = self.history.clock.now(), device_id
        if happening.excludes:
            self.history.witness.excluded_at = self.history.clock.now()

    def look_around(self) -> None:
        """The approver looks now and then whether something waits."""
        history, shape = self.history, self.history.shape
        self._look_after_what_stopped()
        if self._approving or shape is None or not shape.attentive:
            return
        for case in history.cases():
            if case.state is CaseState.AWAITING_APPROVAL and history.rng.random() < 0.9:
                self._approving = True
                history.begin("approver", lambda case=case: self._approve(case))
                return

    def _look_after_what_stopped(self) -> None:
        """Once a day somebody thaws what Handover froze by itself, and closes the cases of wipes that nobody understands."""
        history = self.history
        if history.clock.now() - self._looked_at < timedelta(days=1):
            return
        self._looked_at = history.clock.now()
        switch = finish(FreezeSwitch(Ledger(history.rows, CountingIds())).read())
        if switch.frozen and history.witness.frozen_since is None:
            history.begin("thawer", lambda: self._freeze(frozen=False))
        for case in history.cases():
            if case.state is CaseState.NEEDS_PERSON and case.wipe is not None:
                history.begin("closer", lambda case=case: self._close(case.id))

    async def _close(self, case_id: str) -> None:
        with contextlib.suppress(HandoverError, NotNow, NoSuchCase):
            await self._operate().cancel(case_id, ANN, "seen to by hand")

    def _plan_interference(self) -> None:
        self._plan_freeze(0.2, self._some_time(hours=100))
        for verb, share in (("cancel", 0.1), ("reject", 0.1), ("retry", 0.3)):
            self._plan_act(verb, share, self._some_time(hours=110))

    def _plan_freeze(self, share: float, at: timedelta) -> None:
        history, rng = self.history, self.history.rng
        if rng.random() >= share:
            return
        history.later(at, "everything is frozen", lambda: history.begin("freezer", lambda: self._freeze(frozen=True)))
        self._plan_thaw(at)

    def _plan_thaw(self, frozen_at: timedelta) -> None:
        history = self.history
        thawed = frozen_at + timedelta(hours=history.rng.randint(1, 30))
        history.later(thawed, "thawed", lambda: history.begin("thawer", lambda: self._freeze(frozen=False)))

    def _plan_act(self, verb: str, share: float, at: timedelta) -> None:
        history = self.history
        if history.rng.random() < share:
            history.later(at, f"a person will {verb}", lambda: history.begin(verb, lambda: self._act(verb)))

    def _some_time(self, *, hours: int) -> timedelta:
        return timedelta(seconds=self.history.rng.randint(0, hours * 3600))

    def _report(self, serial: str) -> None:
        """By an event, or as the webhook would."""
        history = self.history
        device = next((one for one in history.model.managed_devices.store.values() if one.serial == serial), None)
        if device is None or history.rng.random() < 0.4:
            assert history.shape is not None
            whose = cast.owner_of(serial, history.shape.owners) if history.shape.ramped else cast.OWNER
            owner = history.rng.choice((whose, whose, None))
            history.queues.put(DEVICE_EVENTS, _event(serial, owner))
            return
        hint = Hint(
            subject=Subject.MANAGED_DEVICE,
            key=device.id,
            cause=Cause.NONCOMPLIANT,
            source="graph",
            at=history.clock.now(),
        )
        history.queues.put(HINTS, write_hints([hint]))

    def _forge(self) -> None:
        """What a hostile writer sends: garbage, and messages that look right."""
        history, rng = self.history, self.history.rng
        cases = history.cases()
        case_id = rng.choice([case.id for case in cases] or ["device-none"])
        version = rng.randint(1, 60)
        body = rng.choice(
            (
                "garbage",
                "{}",
                write_step(StepDue(case_id=case_id, version=version)),
                write_step(StepDue(case_id=case_id, version=next((c.version for c in cases if c.id == case_id), 1))),
                _event(cast.SERIALS[0], cast.OTHER),
            )
        )
        queue = rng.choice((CASE_STEPS, WIPE_STEPS, HINTS, DEVICE_EVENTS, NOTICES))
        history.queues.put(queue, body, poisoned=rng.random() < 0.2)

    async def _approve(self, case: Any) -> None:
        history = self.history
        try:
            proposal = proposal_of(case, history.settings.policy().as_of(history.clock.now()).version)
            approved_at = history.clock.now()
            history.witness.approved[case.id].append((approved_at, proposal))  # from the moment the person decided
            who = history.rng.choice(PERSONS)
            asked = who.name in self._retriers[case.id]
            await self._operate().approve(case.id, proposal=proposal, who=who)
            if asked:
                history.witness.blame(f"{who.name}, who let {case.id} go on, approved its wipe")
        except (HandoverError, NotNow, NoSuchCase):
            pass
        finally:
            self._approving = False

    async def _freeze(self, *, frozen: bool) -> None:
        """A person tries until it worked."""
        history = self.history
        if not frozen:
            history.witness.frozen_since = None
        done = False
        try:
            await self._operate().set_freeze(frozen=frozen, who=ANN, why="history")
            done = True
        except HandoverError:
            pass
        finally:
            if not done:
                again = history.clock.now() - history.began + timedelta(minutes=5)
                history.later(again, "once more", lambda: history.begin("freezer", lambda: self._freeze(frozen=frozen)))
        history.witness.frozen_since = history.clock.now() if frozen and done else None

    async def _act(self, verb: str) -> None:
        history = self.history
        for case in history.cases():
            try:
                if verb == "retry":
                    history.witness.retried[case.id] += 1
                    who = history.rng.choice(PERSONS)
                    await self._operate().retry(case.id, who)
                    self._retriers[case.id].add(who.name)
                else:
                    await getattr(self._operate(), verb)(case.id, ANN, "history")
            except (HandoverError, NotNow, NoSuchCase):
                continue

    def _operate(self) -> Any:
        return self.history.rng.choice(self.history.instances).operate


def _event(serial: str, owner: str | None) -> str:
    data: dict[str, str] = {"serialNumber": serial} | ({"userPrincipalName": owner} if owner else {})
    kind = "device.user-assigned" if owner else "device.noncompliant"
    return json.dumps({"specversion": "1.0", "id": "1", "source": "/history", "type": kind, "data": data})
