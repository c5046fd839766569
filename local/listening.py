"""How the servers of this folder listen: on loopback, answering at once and ending at once."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator

import uvicorn

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain http on loopback: each would read the certificates of the world otherwise, which takes 50 ms."""
_TICK_SECONDS = 1.0
_LOOK_SECONDS = 0.005


def listen(port: int) -> socket.socket:
    """Listen on 127.0.0.1 (0: a free port). Raises OSError when the port is taken.

    The protocol is named on purpose: asyncio switches Nagle's algorithm off only for sockets that say they are TCP, and
    with it every answer in two parts takes 40 ms.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedServer(uvicorn.Server):
    """Leaves signals to the program that embeds it, and ends when the last answer is out.

    uvicorn's own looks ten times a second whether to end, and waits a tenth of a second at the least when it does.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked_to_stop = asyncio.Event()

    def stop(self) -> None:
        """Listen no more; `serve` returns when running requests are answered, or cut short after the graceful time."""
        self.should_exit = True
        self._asked_to_stop.set()

    async def main_loop(self) -> None:
        """Once a second the Date header, until it is asked to stop."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked_to_stop.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what listens, let running requests end, cancel those that do not."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(_LOOK_SECONDS)
        for task in list(self.server_state.tasks):
            task.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are not this server's."""
        yield
