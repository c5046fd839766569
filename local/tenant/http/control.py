"""What Graph has not: the simulation's clock, its state and counts, faults and timeline items added while it runs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.tenant.http.delivery import Deliverer
from local.tenant.http.wire import Json, moment
from local.tenant.model.machines import Machine
from local.tenant.model.refusal import GraphRefusal
from local.tenant.model.tenant import TenantModel
from local.tenant.model.users import User
from local.tenant.scenario import ScenarioError, explain
from local.tenant.scenario_faults import FaultEntry
from local.tenant.scenario_timeline import RunnerItem
from local.tenant.timeline import perform, read_item

_HOW_TO_MOVE = 'say {"advance_seconds": 60} or {"to": "2026-03-02T09:00:00Z"}'


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
            Route("/_sim/faults", self._clear_faults, methods=["DELETE"]),
        ]

    async def advance_to(self, until: datetime) -> None:
        """Stop wherever something is due on the way, so that notifications are delivered at their own time."""
        while (due := self._model.next_at()) is not None and due <= until:
            self._model.clock.advance_to(due)
            await self._deliverer.deliver_due()
        self._model.clock.advance_to(until)

    async def _show_clock(self, _: Request) -> Response:
        return JSONResponse({"now": moment(self._model.clock.now())})

    async def _move_clock(self, request: Request) -> Response:
        """Move to a time, or by seconds; answers when everything that was due has happened and is delivered."""
        asked = await _document(request)
        try:
            until = self._target(asked)
        except (KeyError, TypeError, ValueError, OverflowError):
            return _problem(_HOW_TO_MOVE)
        await self.advance_to(until)
        return await self._show_clock(request)

    def _target(self, asked: Mapping[str, Any]) -> datetime:
        if "to" in asked:
            to = datetime.fromisoformat(str(asked["to"]))
            return to.replace(tzinfo=UTC) if to.tzinfo is None else to.astimezone(UTC)
        return self._model.clock.now() + timedelta(seconds=float(asked["advance_seconds"]))

    async def _next(self, _: Request) -> Response:
        return JSONResponse({"at": moment(self._model.next_at())})

    async def _state(self, _: Request) -> Response:
        return JSONResponse(
            {
                "now": moment(self._model.clock.now()),
                "mdm_authority": self._model.organization.mdm_authority,
                "skus": {
                    sku.product.part_number: {"seats": sku.seats, "consumed": sku.consumed}
                    for sku in self._model.skus.bought()
                },
                "subscriptions": len(self._model.subscriptions.live()),
                "devices": [self._device(machine) for machine in self._model.machines.store.values()],
                "users": [self._user(user) for user in self._model.users.store.values()],
                "subscription_ids": [s.id for s in self._model.subscriptions.live()],
            }
        )

    def _device(self, machine: Machine) -> Json:
        device = self._model.managed_devices.store.get(machine.managed_device_id or "")
        registered = self._model.autopilot.with_serial(machine.serial)
        enrolled_by = None if device is None else self._model.users.find(device.user_id)
        return {
            "name": machine.name,
            "serial": machine.serial,
            "place": machine.place.value,
            "online": machine.online,
            "managed_device_id": machine.managed_device_id,
            "entra_device_id": machine.entra_device_id,
            "autopilot_id": None if registered is None else registered.id,
            "enrolled_by": None if enrolled_by is None else enrolled_by.upn,
            "enrolled_at": None if device is None else moment(device.enrolled_at),
            "compliance": None if device is None else device.compliance,
            "management_state": None if device is None else device.management_state,
            "logged_on": list(machine.logged_on),
            "autopilot_user": None if registered is None else registered.upn or None,
        }

    def _user(self, user: User) -> Json:
        details = self._model.licences.details_of(user)
        return {
            "id": user.id,
            "upn": user.upn,
            "name": user.display_name,
            "enabled": user.enabled,
            "usage_location": user.usage_location,
            "licences": [detail.sku.product.part_number for detail in details],
            "groups": [group.name for group in self._model.groups.of_user(user.id)],
        }

    async def _counts(self, _: Request) -> Response:
        """The tenant's counts; serial numbers are written as the devices have them."""
        counts = {field.name: getattr(self._model.counts, field.name) for field in fields(self._model.counts)}
        serials = {machine.serial.casefold(): machine.serial for machine in self._model.machines.store.values()}
        for name in ("by_device", "wipes_by_serial", "wipe_posts_by_serial"):
            counts[name] = {serials.get(serial, serial): count for serial, count in counts[name].items()}
        mails = Counter(address.casefold() for sent in self._model.mail.sent for address in sent.to)
        return JSONResponse(counts | {"wipes": self._model.counts.wipes, "mails_to": mails})

    async def _outbox(self, _: Request) -> Response:
        mail = self._model.mail
        return JSONResponse(
            {
                "mails": [asdict(sent) | {"at": moment(sent.at)} for sent in mail.sent],
                "activities": [asdict(sent) | {"at": moment(sent.at)} for sent in mail.activities],
            }
        )

    async def _do(self, request: Request) -> Response:
        """Make one timeline item of the tenant happen now."""
        try:
            item = read_item(await _document(request))
            if isinstance(item, RunnerItem):
                return _problem(f"{item.do!r} is nothing that the tenant does")
            perform(self._model, item)
        except ScenarioError as error:
            return _problem(str(error))
        except KeyError as unknown:
            return _problem(str(unknown.args[0]))
        except GraphRefusal as refusal:
            return _problem(f"{refusal.code}: {refusal.message}")
        return Response(status_code=204)

    async def _add_fault(self, request: Request) -> Response:
        try:
            entry = FaultEntry.model_validate(await _document(request))
        except ValidationError as invalid:
            return _problem(explain(invalid, "fault"))
        self._model.faults.add(entry.fault(self._model.clock.start))
        return Response(status_code=204)

    async def _clear_faults(self, _: Request) -> Response:
        self._model.faults.clear()
        return Response(status_code=204)


async def _document(request: Request) -> dict[str, Any]:
    """The JSON object of the body; anything else is empty."""
    try:
        document: object = await request.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _problem(why: str) -> Response:
    return JSONResponse({"error": why}, 400)
