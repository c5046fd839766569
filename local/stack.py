"""The parts of one installation on this machine: storage, the simulated tenant, and the host with the app.

The host runs in this process (quick, for many scenarios) or in one of its own (which can be killed).
"""

import asyncio
import base64
import contextlib
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
from azure.storage.queue.aio import QueueServiceClient

from local.host.host import Host
from local.listening import NO_CERTIFICATES, free_port
from local.storage import make as make_storage
from local.tenant.populate import tenant_of
from local.tenant.scenario import Scenario
from local.tenant.server import TenantServer
from local.virtual_time import DelayedMessages, services_on
from shared.bootstrap import install
from shared.ports import Messages
from shared.services import Services
from shared.settings import Settings

APP = Path(__file__).parent.parent
ANN = "ann@contoso.example"
"""Who operates Handover when a scenario names nobody."""
Json = dict[str, Any]
_NOT_TIMED = {"AzureWebJobs.measure_queues.Disabled": "true"}
"""The timer that only tells the log how full the queues are would ask each of them twice whenever time is moved."""


@dataclass(kw_only=True)
class Stack:
    """Start it, talk to it, stop it. ``connection_string`` is an empty storage account."""

    scenario: Scenario
    connection_string: str
    own_process: bool = False
    tenant_port: int = 0
    host_port: int = 0
    speed: float = 0
    host_log: Path = field(default_factory=lambda: Path(tempfile.mkstemp(prefix="handover-host-", suffix=".log")[1]))
    """Where a host in its own process writes what it has to say."""
    app: Path = APP
    python: tuple[str, ...] = (sys.executable,)
    host_environ: Mapping[str, str] = field(default_factory=dict[str, str])
    """For a host in its own process: the app it runs, the command of its Python, and more of its environment."""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _host: Host | None = None
    _services: Services | None = None
    _delayed: list[DelayedMessages] = field(default_factory=list[DelayedMessages])
    _process: asyncio.subprocess.Process | None = None
    _before: dict[str, str] = field(default_factory=dict[str, str])
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        self.tenant = TenantServer(tenant_of(self.scenario), port=self.tenant_port, speed=self.speed)
        self.clock = self.tenant.model.clock
        await self.tenant.start()
        self._open.push_async_callback(self.tenant.stop)
        self.host_port = self.host_port or free_port()
        self.environ = self._app_settings()
        self._queues = QueueServiceClient.from_connection_string(self.connection_string)
        self.api = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.host_port}",
            headers={"x-functions-key": self.key},
            timeout=30,
            verify=NO_CERTIFICATES,
        )
        self.simulation = httpx.AsyncClient(base_url=self.tenant.base_url, timeout=60, verify=NO_CERTIFICATES)
        for client in (self._queues, self.api, self.simulation):
            await self._open.enter_async_context(client)
        self._enter_environment()
        self._open.callback(self._leave_environment)
        self.settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
        await make_storage(self.connection_string)
        await self.start_host()
        # An installation whose Graph subscriptions exist, as they do a few minutes after a deployment.
        (await self.api.post("/admin/functions/keep_subscriptions", json={"input": ""})).raise_for_status()

    async def __aexit__(self, *_: object) -> None:
        await self.stop_host()
        await self._open.aclose()

    def _app_settings(self) -> dict[str, str]:
        """What an administrator would set, overridden by the scenario's own settings."""
        return {
            "AzureWebJobsStorage": self.connection_string,
            "HANDOVER_TENANT_ID": self.scenario.tenant.id,
            "HANDOVER_NOTIFICATION_URL": f"http://127.0.0.1:{self.host_port}/api/notifications",
            "HANDOVER_DEVELOPMENT_PRINCIPAL": f"{ANN};Approver,Operator",
            "HANDOVER_APP_URL": f"http://127.0.0.1:{self.host_port}",
            "HANDOVER_CLIENT_STATE": secrets.token_urlsafe(32),
            "HANDOVER_STAGING_ACCOUNTS": "staging*",
            "HANDOVER_LICENCE_SKUS": "SPB",
            "HANDOVER_SWEEP_MINUTES": "0",  # a scenario is about what it sends; those about the sweep switch it on
            "HANDOVER_ENROLMENT_ATTESTED_BY": "admin@contoso.example",
            "HANDOVER_ENROLMENT_ATTESTED_ON": f"{self.scenario.start:%Y-%m-%d}",
            "HANDOVER_ENROLMENT_ATTESTED_SCOPE": "all",
            # as long as can be: scenarios about the end of auto mode name a day of their own
            "HANDOVER_AUTO_UNTIL": f"{self.scenario.start + timedelta(days=31):%Y-%m-%d}",
            "HANDOVER_ARMED_DAYS": "31",
            **self.tenant.environ(),
            **{name: str(value) for name, value in self.scenario.settings.items()},
        }

    def _enter_environment(self) -> None:
        # The real ManagedIdentityCredential and the app's settings read the process environment.
        self._before = dict(os.environ)
        for name in [name for name in os.environ if name.startswith("HANDOVER_")]:
            del os.environ[name]
        os.environ.update(self.environ)

    def _leave_environment(self) -> None:
        os.environ.clear()
        os.environ.update(self._before)

    async def start_host(self) -> None:
        """Start the host with the app; returns when it answers."""
        if self.own_process:
            with self.host_log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.command(), env={**os.environ, **self.host_environ}, cwd=self.app, stdout=log, stderr=log
                )
        else:
            self._services = services_on(self.clock, self.settings, self.delayed)
            install(self._services)
            self._host = Host(APP, environ=os.environ | _NOT_TIMED, now=self.clock.now, key=self.key)
            await self._host.start(self.host_port)
        await self._until_up()

    def command(self) -> list[str]:
        """What starts a host in a process of its own."""
        return [
            *self.python,
            "-m",
            "local.host",
            "--app",
            str(self.app),
            "--port",
            str(self.host_port),
            "--key",
            self.key,
            "--clock",
            self.tenant.base_url,
            "--poll-max",
            "0.1",
        ]

    async def _until_up(self) -> None:
        for _ in range(600):
            try:
                if (await self.api.get("/admin/host/status")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self._process is not None and self._process.returncode is not None:
                raise RuntimeError(
                    f"the host ended with {self._process.returncode}:\n{self.host_log.read_text()[-2000:]}"
                )
            await asyncio.sleep(0.05)
        raise RuntimeError("the host did not start within 30 seconds")

    async def restart_with(self, settings: Mapping[str, object]) -> None:
        """Restart the host with some app settings changed, as an administrator would."""
        await self.stop_host()
        os.environ.update({name: str(value) for name, value in settings.items()})
        self.settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
        await self.start_host()

    async def stop_host(self) -> None:
        """Stop the host as a deployment would: gracefully."""
        if self._host is not None:
            await self._host.stop()
            install(None)
            self._host = None
        for delayed in self._delayed:
            delayed.forget()
        self._delayed.clear()
        if self._services is not None:
            await self._services.close()
            self._services = None
        if self._process is not None:
            await self._end(self._process, signal.SIGTERM)

    async def kill_host(self) -> None:
        """End the host's process at once, as a crash would. Only for a host in a process of its own."""
        if self._process is None:
            raise RuntimeError("only a host in its own process can be killed")
        await self._end(self._process, signal.SIGKILL)

    async def _end(self, process: asyncio.subprocess.Process, with_signal: int) -> None:
        if process.returncode is None:
            process.send_signal(with_signal)
        await process.wait()
        self._process = None

    async def send(self, queue: str, body: str) -> None:
        """Put a message on a queue, base64-encoded as the host expects, as another system would."""
        await self._queues.get_queue_client(queue).send_message(base64.b64encode(body.encode()).decode())
        self._stored(queue)

    def delayed(self, inner: Messages) -> DelayedMessages:
        """Messages on the simulated clock; the host in this process hears of each that is stored."""
        self._delayed.append(DelayedMessages(inner, self.clock, self._stored))
        return self._delayed[-1]

    def _stored(self, queue: str) -> None:
        if self._host is not None:
            self._host.look_for(queue)

    async def is_quiet(self) -> bool:
        """Whether nothing is under way in this process: every message that was sent is done with, everything due is done."""
        await self.tenant.deliver_due()
        return (self._host is None or self._host.is_quiet()) and not any(each.is_due() for each in self._delayed)

    def next_message_at(self) -> datetime | None:
        """When the next message is due that waits on the simulated clock, or None."""
        return min((at for each in self._delayed if (at := each.next_at()) is not None), default=None)

    async def move_clock(self, to: datetime) -> None:
        """Move the simulated time; what is due then begins at once."""
        await self.simulated("clock", {"to": to.isoformat()})
        for delayed in self._delayed:
            delayed.look_at_clock()
        if self._host is not None:
            self._host.look_at_clock()

    async def notify(self, forged: Mapping[str, object]) -> None:
        """POST a change notification of our own making to the webhook, as anybody on the internet can."""
        state = await self.simulated("state")
        user = next((user["id"] for user in state["users"] if user["upn"] == forged.get("user")), None)
        notification = {
            "changeType": "updated",
            "clientState": forged.get("client_state"),
            "resource": forged.get("resource") or f"Users/{user}",
            "subscriptionId": state["subscription_ids"][0],
            "tenantId": self.scenario.tenant.id,
        }
        await self.api.post("/api/notifications", json={"value": [notification]})

    async def visible(self, queue: str) -> bool:
        """The queue has a message that could be taken now."""
        return bool(await self._queues.get_queue_client(queue).peek_messages(max_messages=1))

    async def ask(self, path: str) -> Json:
        """GET the app's API; raises for anything but 200."""
        answer = await self.api.get(f"/api/v1/{path}")
        answer.raise_for_status()
        return answer.json()

    async def tell(self, path: str, document: Mapping[str, object], *, by: str = ANN, etag: str = "") -> httpx.Response:
        """POST to the app's API as this person, who saw what has this ETag."""
        headers = {"x-handover-request": "1", "x-handover-development-principal": f"{by};Approver,Operator"}
        if etag:
            headers["if-match"] = etag
        return await self.api.post(f"/api/v1/{path}", json=dict(document), headers=headers)

    async def simulated(self, path: str, document: Mapping[str, object] | None = None) -> Json:
        """Ask the simulated tenant itself, or tell it something."""
        url = f"/_sim/{path}"
        answer = await (
            self.simulation.get(url) if document is None else self.simulation.post(url, json=dict(document))
        )
        answer.raise_for_status()
        return answer.json() if answer.content else {}
