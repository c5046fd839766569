"""What Graph has not: the simulation's clock, its state and counts, faults and timeline items added while it runs."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.tenant.http.delivery import Deliverer
from local.tenant.http.wire import moment
from local.tenant.model.machines import Machine
from local.tenant.model.refusal import GraphRefusal
from local.tenant.model.tenant import TenantModel
from local.tenant.scenario import ScenarioError
from local.tenant.scenario_faults import FaultEntry
from local.tenant.scenario_timeline import RunnerItem
from local.tenant.timeline import perform, read_item

Json = dict[str, Any]


class Control:
    """Endpoints under /_sim. They need no token: the server listens on loopback only."""

    def __init__(self, model: TenantModel, deliverer: Deliverer) -> None:
        self._model = model
        self._deliverer = deliverer

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/_sim/clock", self._show_clock, methods=["GET"]),
            Route("/_sim/clock", self._move_clock, methods=["POST"]),
            Route("/_sim/next", self._next, methods=["GET"]),
            Route("/_sim/state", self._state, methods=["GET"]),
            Route("/_sim/counts", self._counts, methods=["GET"]),
            Route("/_sim/outbox", self._outbox, methods=["GET"]),
            Route("/_sim/do", self._do, methods=["POST"]),
            Route("/_sim/faults", self._add_fault, methods=["POST"]),
        ]

    async def _show_clock(self, _: Request) -> Response:
        return JSONResponse({"now": moment(self._model.clock.now())})

    async def _move_clock(self, request: Request) -> Response:
        """Move to a time, or by seconds; answers when everything that was due has happened and is delivered."""
        asked = await _document(request)
        try:
            until = self._target(asked)
        except (KeyError, TypeError, ValueError):
            return _problem('say {"advance_seconds": n} or {"to": "2026-03-02T08:00:00Z"}')
        await self.advance_to(until)
        return JSONResponse({"now": moment(self._model.clock.now())})

    def _target(self, asked: Mapping[str, Any]) -> datetime:
        if "to" in asked:
            return datetime.fromisoformat(str(asked["to"])).astimezone(UTC)
        return self._model.clock.now() + timedelta(seconds=float(asked["advance_seconds"]))

    async def advance_to(self, until: datetime) -> None:
        """Stop wherever something is due on the way, so that notifications are delivered at their own time."""
        while (due := self._model.next_at()) is not None and due <= until:
            self._model.clock.advance_to(due)
            await self._deliverer.deliver_due()
        self._model.clock.advance_to(until)

    async def _next(self, _: Request) -> Response:
        return JSONResponse({"at": moment(self._model.next_at())})

    async def _state(self, _: Request) -> Response:
        machines = [self._device(machine) for machine in self._model.machines.store.values()]
        return JSONResponse(
            {"devices": machines, "users": [self._user(user) for user in self._model.users.store.values()]}
        )

    def _device(self, machine: Machine) -> Json:
        device = None
        if machine.managed_device_id is not None:
            device = self._model.managed_devices.store.get(machine.managed_device_id)
        registered = self._model.autopilot.with_serial(machine.serial)
        enrolled_by = self._model.users.find(device.user_id) if device is not None and device.user_id else None
        return {
            "name": machine.name,
            "serial": machine.serial,
            "place": machine.place.value,
            "online": machine.online,
            "managed_device_id": machine.managed_device_id,
            "entra_device_id": machine.entra_device_id,
            "enrolled_by": None if enrolled_by is None else enrolled_by.upn,
            "enrolled_at": None if device is None else moment(device.enrolled_at),
            "compliance": None if device is None else device.compliance,
            "autopilot_user": None if registered is None else registered.upn or None,
        }

    def _user(self, user: Any) -> Json:
        parts = {sku.product.sku_id: sku.product.part_number for sku in self._model.skus.bought()}
        return {
            "id": user.id,
            "upn": user.upn,
            "name": user.display_name,
            "enabled": user.enabled,
            "usage_location": user.usage_location,
            "licences": [parts[held.sku_id] for held in user.licences if held.error is None],
        }

    async def _counts(self, _: Request) -> Response:
        counts: Json = {field.name: getattr(self._model.counts, field.name) for field in fields(self._model.counts)}
        serials = {machine.serial.casefold(): machine.serial for machine in self._model.machines.store.values()}
        for name in ("by_device", "wipes_by_serial", "wipe_posts_by_serial"):
            counts[name] = {serials.get(serial, serial): count for serial, count in counts[name].items()}
        return JSONResponse(counts | {"wipes": self._model.counts.wipes})

    async def _outbox(self, _: Request) -> Response:
        return JSONResponse({"mails": [_plain(asdict(mail)) for mail in self._model.mail.sent]})

    async def _do(self, request: Request) -> Response:
        try:
            item = read_item(await _document(request))
            if isinstance(item, RunnerItem):
                return _problem(f"{item.do!r} is nothing that the tenant does")
            perform(self._model, item)
        except (ScenarioError, KeyError) as error:
            return _problem(str(error))
        except GraphRefusal as refusal:
            return _problem(f"{refusal.code}: {refusal.message}")
        return Response(status_code=204)

    async def _add_fault(self, request: Request) -> Response:
        try:
            entry = FaultEntry.model_validate(await _document(request))
        except ValueError as error:
            return _problem(str(error))
        self._model.faults.add(entry.fault(self._model.clock.start))
        return Response(status_code=204)


async def _document(request: Request) -> Json:
    try:
        document: object = await request.json()
    except ValueError:
        return {}
    return cast("Json", document) if isinstance(document, dict) else {}


def _problem(why: str) -> Response:
    return JSONResponse({"error": why}, 400)


def _plain(document: Mapping[str, Any]) -> Json:
    return {name: moment(value) if isinstance(value, datetime) else value for name, value in document.items()}
