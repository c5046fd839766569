"""Plays one scenario on a running stack: does what the world does, moves the clock to the next thing that happens, and
reports each journal entry as it appears. Nothing here decides anything for the product.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.expect import unmet
from local.settle import all_cases, ask, settle
from local.stack import ANN, Json, Stack
from shared.remedy.messages import StepDue, write_step

REAL_SECONDS_AT_MOST = 120
SUPERVISOR_EVERY = timedelta(minutes=5)
WATCH_EVERY = timedelta(minutes=15)
"""How often the app looks for returned devices; it is only worth waiting for when the tenant did something meanwhile."""
WATCHED = frozenset({"awaiting_return", "awaiting_proof"})
SIMULATED_AT_MOST = timedelta(days=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """The world did something: a line of the timeline."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Handover decided something: a new journal entry."""

    at: datetime
    case_id: str
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """The clock was moved."""

    start: datetime
    end: datetime


Watcher = Callable[[Happened | Decided | TimePassed], None]


@dataclass(kw_only=True)
class Player:
    """Plays one scenario once."""

    stack: Stack
    watch: Watcher = lambda _: None
    _seen: dict[str, int] = field(default_factory=dict[str, int])
    _done: set[int] = field(default_factory=set[int])
    _cases: dict[str, tuple[Json, Json]] = field(default_factory=dict[str, "tuple[Json, Json]"])
    """By case id: its line in the list, and all of it as read when the line was so."""
    _devices: dict[str, Json] = field(default_factory=dict[str, Json])
    _tenant_next: datetime | None = None
    _tenant_did_something: bool = True

    async def play(self) -> list[str]:
        """Play until the expected end is reached or time is up; returns what of the expected end is not so (empty: reached)."""
        start = self.stack.scenario.start
        give_up_at = time.monotonic() + REAL_SECONDS_AT_MOST
        while True:
            await settle(self.stack)
            await self._look_at_the_world()
            cases = await self._report()
            if await self._do_what_is_due(cases):
                continue
            problems = await self._unmet(cases) if self._all_done() else ["the timeline is not finished"]
            if not problems:
                return []
            now = self.stack.clock.now()
            coming = await self._next_time(cases)
            if coming is None or coming - start > SIMULATED_AT_MOST or time.monotonic() > give_up_at:
                return await self._unmet(cases) or problems
            await self._move_clock(now, coming)

    async def _look_at_the_world(self) -> None:
        """Tell the watcher what became of the devices since the last look: the tenant's own doing."""
        now = self.stack.clock.now()
        for device in (await self.stack.simulated("state"))["devices"]:
            before, self._devices[device["serial"]] = self._devices.get(device["serial"]), device
            if before is not None and (what := _what_became_of(before, device)):
                self.watch(Happened(at=now, what=what))

    async def _report(self) -> list[Json]:
        """All cases with their journals; new entries go to the watcher."""
        found: list[Json] = []
        for listed in await all_cases(self.stack):
            known = self._cases.get(listed["case_id"])
            if known is None or known[0] != listed:
                known = self._cases[listed["case_id"]] = (
                    listed,
                    await ask(self.stack, f"/api/v1/cases/{listed['case_id']}"),
                )
            found.append(known[1])
        fresh = [
            Decided(at=datetime.fromisoformat(entry["at"]), case_id=case["case"]["id"], entry=entry)
            for case in found
            for entry in case["journal"]
            if entry["sequence"] > self._seen.get(case["case"]["id"], 0)
        ]
        for decided in sorted(fresh, key=lambda one: (one.at, one.entry["sequence"])):
            self._seen[decided.case_id] = max(self._seen.get(decided.case_id, 0), decided.entry["sequence"])
            self.watch(decided)
        return found

    async def _do_what_is_due(self, cases: list[Json]) -> bool:
        """Do the runner's own timeline items whose time or case state has come."""
        now, did = self.stack.clock.now(), False
        for number, item in self._items():
            if number in self._done or not self._has_come(item, cases, now):
                continue
            self._done.add(number)
            self.watch(Happened(at=now, what=_in_words(item)))
            await self._do(item, cases)
            did = True
        return did

    def _items(self) -> Iterator[tuple[int, Json]]:
        for number, item in enumerate(self.stack.scenario.timeline):
            if item.do in DOES:
                yield number, item.model_dump(mode="json", exclude_none=True)

    def _has_come(self, item: Json, cases: list[Json], now: datetime) -> bool:
        if "when" in item:
            return any(case["case"]["state"] == item["when"] for case in _of_device(cases, item.get("device")))
        return self.stack.scenario.start + duration(str(item.get("at", "PT0S"))) <= now

    def _all_done(self) -> bool:
        return all(number in self._done for number, _ in self._items())

    async def _do(self, item: Json, cases: list[Json]) -> None:
        match item["do"]:
            case "event" | "message" | "fail_step":
                await self._send(item, cases)
            case "replay_parked":
                for parked in (await ask(self.stack, "/api/v1/parked"))["parked"]:
                    body = {"body": item["body"]} if "body" in item else {}
                    await self.stack.tell(f"parked/{parked['id']}/replay", body, by=_by(item))
            case "post_notification":
                await self.stack.notify(item)
            case "wait":
                pass  # its time had to come
            case "kill_host" | "change_settings":
                await self._restart(item)
            case "defer":
                await self._press_deferral_link(item, cases)
            case "freeze" | "thaw":
                switch = {"frozen": item["do"] == "freeze", "why": "scenario"}
                await self.stack.tell("freeze", switch, by=_by(item))
            case action:
                await self._act_on_cases(action, item, cases)

    async def _send(self, item: Json, cases: list[Json]) -> None:
        """A message on a queue; ``fail_step``: the step's own, set aside as the platform does when it failed every time."""
        if item["do"] == "event":
            await self.stack.send("device-events", json.dumps(await self._cloud_event(item)))
        elif item["do"] == "message":
            await self.stack.send(str(item["queue"]), str(item["body"]))
        else:
            for case in _of_device(cases, item.get("device")):
                step = StepDue(case_id=case["case"]["id"], version=case["case"]["version"])
                await self.stack.send(f"{item['queue']}-poison", write_step(step))

    async def _restart(self, item: Json) -> None:
        if item["do"] == "change_settings":
            await self.stack.restart_with(item["settings"])
            return
        await self.stack.kill_host()
        await self.stack.start_host()

    async def _press_deferral_link(self, item: Json, cases: list[Json]) -> None:
        """As the owner does: the link of the newest mail about the device, its page, and the button on it, if there is one."""
        mails = (await self.stack.simulated("outbox"))["mails"]
        for case in _of_device(cases, item.get("device")):
            links = [
                link
                for mail in mails
                for link in re.findall(r'href="[^"]*(/api/defer/[^"]+)"', mail["body"])
                if case["case"]["id"] in link
            ]
            if links and "<form" in (await self.stack.api.get(links[-1], headers={"x-functions-key": ""})).text:
                await self.stack.api.post(links[-1], headers={"x-functions-key": ""})

    async def _act_on_cases(self, action: str, item: Json, cases: list[Json]) -> None:
        for case in _of_device(cases, item.get("device")):
            proposal = item.get("proposal") or case.get("to_approve", {}).get("proposal", "none")
            document = {"why": item.get("why", "scenario"), "proposal": proposal}
            path = f"cases/{case['case']['id']}"
            seen = (await ask(self.stack, f"/api/v1/{path}"))["case"]["version"]
            await self.stack.tell(f"{path}/{action}", document, by=_by(item), etag=f'"{seen}"')

    async def _cloud_event(self, item: Json) -> Json:
        data: Json = dict(item.get("data") or {})
        if "device" in item:
            data |= await self._device_data(str(item["device"]), str(item.get("by_id", "managedDeviceId")))
        if "user" in item:
            data["userPrincipalName"] = item["user"]
        return {
            "specversion": "1.0",
            "id": f"{item['do']}-{len(self._done)}",
            "source": "/scenario",
            "type": item["type"],
            "time": item.get("time", self.stack.clock.now().isoformat()),
            "data": data,
        }

    async def _device_data(self, serial: str, by_id: str) -> Json:
        state = await self.stack.simulated("state")
        enrolled = next((one["managed_device_id"] for one in state["devices"] if one["serial"] == serial), None)
        return {"managedDeviceId": enrolled} if by_id == "managedDeviceId" and enrolled else {"serialNumber": serial}

    async def _unmet(self, cases: list[Json]) -> list[str]:
        counts, state = await self.stack.simulated("counts"), await self.stack.simulated("state")
        expect = self.stack.scenario.expect
        report = await self.stack.ask("report?days=60") if "report" in expect else None
        return unmet(expect, cases, counts, state, report)

    async def _next_time(self, cases: list[Json]) -> datetime | None:
        now = self.stack.clock.now()
        due = [datetime.fromisoformat(case["case"]["due_at"]) for case in cases if case["case"]["due_at"]]
        # A case that should have moved by now lost its message: the supervisor's next rounds will find it.
        coming = [at if at > now else now + SUPERVISOR_EVERY for at in due]
        self._tenant_next = None
        if (at := (await self.stack.simulated("next"))["at"]) is not None:
            self._tenant_next = datetime.fromisoformat(at)
            coming.append(self._tenant_next)
        start = self.stack.scenario.start
        coming += [
            start + duration(str(item["at"]))
            for number, item in self._items()
            if "at" in item and number not in self._done
        ]
        if self._tenant_did_something and any(case["case"]["state"] in WATCHED for case in cases):
            coming.append(now + WATCH_EVERY)
        if self._sweep_every and not due:
            coming.append(now + self._sweep_every)
        return max(min(coming), now + timedelta(seconds=1)) if coming else None

    @property
    def _sweep_every(self) -> timedelta:
        return timedelta(minutes=self.stack.settings.sweep_minutes)

    async def _move_clock(self, start: datetime, end: datetime) -> None:
        await self.stack.move_clock(end)
        self._tenant_did_something = self._tenant_next is not None and self._tenant_next <= end
        self.watch(TimePassed(start=start, end=end))


DOES = frozenset(
    {
        "event",
        "message",
        "post_notification",
        "replay_parked",
        "approve",
        "reject",
        "cancel",
        "retry",
        "freeze",
        "thaw",
        "kill_host",
        "change_settings",
        "wait",
        "defer",
        "fail_step",
    }
)
"""What the runner does itself; every other line of a timeline is the tenant's."""

_DURATION = re.compile(r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?")


def duration(text: str) -> timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None or text in ("P", "PT"):
        raise ValueError(f"{text!r} is not a duration like P1DT2H")
    return timedelta(**{name: int(value) for name, value in match.groupdict(default="0").items()})


def _of_device(cases: list[Json], serial: object) -> list[Json]:
    return [case for case in cases if serial is None or case["case"]["serial_number"] == serial]


def _by(item: Json) -> str:
    return str(item.get("by", ANN))


def _what_became_of(before: Json, after: Json) -> str | None:
    """What an onlooker would say of a device that changed; None when nothing did."""
    name = after["name"]
    if before["place"] != after["place"] and after["place"] == "oobe":
        return f"{name} is reset and shows the sign-in page of OOBE"
    if after["enrolled_by"] and before["managed_device_id"] != after["managed_device_id"]:
        return f"{after['enrolled_by']} signs in on {name}, and it enrols"
    if after["compliance"] and before["compliance"] != after["compliance"]:
        return f"Intune finds {name} {after['compliance']}"
    return None


def _in_words(item: Json) -> str:
    subject = " ".join(str(item[name]) for name in ("type", "device", "user") if name in item)
    return f"{item['do'].replace('_', ' ')} {subject}".strip()
