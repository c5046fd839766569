"""The simulated tenant as a running server on loopback, on the caller's event loop."""

import asyncio
import time
from datetime import timedelta

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.listening import EmbeddedServer, listen
from local.tenant.http import identity
from local.tenant.http.app import tenant_app
from local.tenant.http.control import Control
from local.tenant.http.delivery import Deliverer
from local.tenant.model.tenant import TenantModel

_TICK_S = 0.05


class TenantServer:
    """One tenant on 127.0.0.1. ``speed`` is how many virtual seconds pass in a real one; 0 stands still until moved."""

    def __init__(self, model: TenantModel, port: int = 0, *, speed: float = 0) -> None:
        self.model = model
        self._port = port
        self._speed = speed
        self._deliverer = Deliverer(model)
        self._control = Control(model, self._deliverer)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        listening = listen(self._port)
        self._port = int(listening.getsockname()[1])
        config = uvicorn.Config(
            tenant_app(self.model, self._deliverer),
            http=_Protocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = EmbeddedServer(config)
        self._tasks = [asyncio.create_task(self._server.serve(sockets=[listening])), asyncio.create_task(self._tick())]
        while not self._server.started:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop listening and delivering."""
        self._server.stop()
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._deliverer.close()

    def flow(self, speed: float) -> None:
        """From now on so many virtual seconds pass in a real one."""
        self._speed = speed

    @property
    def base_url(self) -> str:
        """Where it listens, after ``start``."""
        return f"http://127.0.0.1:{self._port}"

    def environ(self) -> dict[str, str]:
        """What a client needs in its environment."""
        return {
            "GRAPH_BASE_URL": self.base_url,
            "IDENTITY_ENDPOINT": f"{self.base_url}{identity.PATH}",
            "IDENTITY_HEADER": identity.HEADER,
        }

    async def deliver_due(self) -> None:
        """Deliver the notifications that are due, and return when those under way have arrived too."""
        await self._deliverer.deliver_due()

    async def _tick(self) -> None:
        """Let time pass if it flows, and deliver what is due."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            if self._speed:
                await self._control.advance_to(self.model.clock.now() + timedelta(seconds=(now - last) * self._speed))
            await self._deliverer.deliver_due()
            last = now


class _Protocol(H11Protocol):
    """Hands the connection to the app, which must be able to break it instead of answering."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
