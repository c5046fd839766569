"""Wires the product together: the only file that sees ports and clients at once. Nothing happens at import.

The services are built at the first call, so a bad setting fails the first invocation, with every problem named. Tests
and the development host build them with other parts and install those.
"""

import logging
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from shared.clients.storage.connect import Storage
from shared.clients.system import RandomIds, SystemClock
from shared.domain.part import Part
from shared.ports import Autopilot, Clock, Devices, Directory, Mail, Ports, Subscriptions, Tenant, TenantReader
from shared.services import Services
from shared.settings import Settings
from shared.telemetry import event, set_up_logging
from shared.tracing import use

log = logging.getLogger(__name__)


def connect(settings: Settings, *, clock: Clock | None = None) -> Ports:
    """The real outside world: Azure Storage and Microsoft Graph. Opens nothing yet."""
    from shared.clients.graph.client import Graph
    from shared.clients.teams import TeamsWorkflow

    clock = clock or SystemClock()
    storage, graph = Storage(settings), Graph(settings, clock, on_request=_count)

    async def close() -> None:
        await storage.close()
        await graph.close()

    return Ports(
        rows=storage.rows,
        messages=storage.messages,
        devices=graph.devices,
        directory=graph.directory,
        autopilot=graph.autopilot,
        tenant=graph.tenant,
        subscriptions=graph.subscriptions,
        mail=graph.mail,
        chat=TeamsWorkflow(settings.teams_webhook.get_secret_value() if settings.teams_webhook else None),
        clock=clock,
        ids=RandomIds(),
        close=close,
        setup=graph.setup,
    )


def _count(operation: str, status: int) -> None:
    level = logging.WARNING if status == HTTPStatus.TOO_MANY_REQUESTS else logging.INFO
    event(log, "graph.requested", level=level, operation=operation, status=status)


def limited(ports: Ports, part: Part) -> Ports:
    """The outside world as far as this part may touch it: the same limits as its identity's, once more."""
    if part is Part.SINGLE:
        return ports
    from shared.remedy.parts import NoGraph, UnprivilegedDevices

    if part is Part.WORKER:
        return replace(ports, devices=UnprivilegedDevices(devices=ports.devices))
    nothing = NoGraph()
    if part is Part.WIPER:
        return replace(ports, mail=cast("Mail", nothing))
    return replace(
        ports,
        devices=cast("Devices", nothing),
        directory=cast("Directory", nothing),
        autopilot=cast("Autopilot", nothing),
        tenant=cast("Tenant", nothing),
        subscriptions=cast("Subscriptions", nothing),
        setup=cast("TenantReader", nothing),
        mail=cast("Mail", nothing),
    )


def build(settings: Settings, ports: Ports, *, hide_hints: bool = True) -> Services:
    """All use cases over the given ports, as far as this part may use them.

    ``hide_hints`` is for a clock that never jumps: see HintQueue.
    """
    return Services(settings, limited(ports, settings.part), hide_hints=hide_hints)


def _trace(settings: Settings) -> None:
    """Spans and metrics, where they are asked for. What cannot be traced is done all the same: the log goes on."""
    if settings.telemetry != "azure_monitor":
        return
    try:
        from shared.clients.azure_monitor import azure_monitor

        use(azure_monitor(settings))
    except Exception as error:
        event(log, "telemetry.failed", level=logging.ERROR, why=type(error).__name__)


_installed: Services | None = None


def services() -> Services:
    """The one set of use cases of this process, built from the environment at the first call."""
    global _installed  # noqa: PLW0603  # one per process is what a function app is
    if _installed is None:
        set_up_logging()
        settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
        _trace(settings)
        _installed = build(settings, connect(settings))
    return _installed


def install(replacement: Services | None) -> None:
    """Use these services in this process; None builds them anew from the environment at the next call."""
    global _installed  # noqa: PLW0603  # see above
    _installed = replacement
