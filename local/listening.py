"""A listening socket on loopback for the servers of this folder."""

import socket


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
