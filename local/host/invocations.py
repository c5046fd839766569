"""Run one function once: make its arguments, call it, send its outputs, count it."""

import asyncio
import contextlib
import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from local.host import bindings
from local.host.app import RETURN, Function, HttpTrigger, QueueOutput

logger = logging.getLogger(__name__)


class Tally:
    """Numbers of one host run; `running` is everything in progress, from receipt to settlement."""

    def __init__(self) -> None:
        self.running = 0
        self.completed = 0
        self.failed = 0
        self.poisoned = 0

    @contextlib.contextmanager
    def busy(self) -> Generator[None]:
        """Count as running for the time of the block."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


class SendOutput(Protocol):
    """Puts one message on the queue of an output binding."""

    async def __call__(self, connection: str, queue: str, body: bytes) -> None: ...


class Invoker:
    """Calls functions as the Python worker does: `async def` on this loop, `def` in a thread pool."""

    def __init__(self, *, send: SendOutput, tally: Tally, threads: ThreadPoolExecutor) -> None:
        self._send = send
        self.tally = tally
        self._threads = threads

    async def call(self, function: Function, argument: Callable[[], object]) -> bindings.HttpAnswer | None:
        """Run the function and, when it did not raise, send its outputs; the answer of an HTTP function.

        `argument` makes the trigger's value; what it raises counts as a failure of the function. Logs one
        line for a failure and raises it again.
        """
        try:
            answer = await self._call(function, argument())
        except Exception as error:
            self.tally.failed += 1
            logger.error("%s failed: %s", function.name, describe(error, function.directory))
            # frames only: the message of an exception may hold a body
            logger.debug("%s", "".join(traceback.format_tb(error.__traceback__)))
            raise
        self.tally.completed += 1
        return answer

    async def _call(self, function: Function, argument: object) -> bindings.HttpAnswer | None:
        if function.trigger is None:
            raise ValueError(f"{function.name} does not run here: {function.not_run}")
        outputs = {output.parameter: bindings.Output() for output in function.outputs if output.parameter != RETURN}
        arguments: dict[str, object] = {function.trigger.parameter: argument, **outputs}
        if function.wants_context:
            arguments["context"] = bindings.context(function.name, function.directory)
        returned = await self._run(function.call, arguments)
        answer = _check_returned(function, returned)
        messages: list[tuple[QueueOutput, bytes]] = []
        for output in function.outputs:
            value = returned if output.parameter == RETURN else outputs[output.parameter].get()
            messages += [(output, body) for body in bindings.queue_output(value, output.annotation)]
        for output, body in messages:
            await self._send(output.connection, output.queue, body)
        return answer

    async def _run(self, call: Callable[..., object], arguments: dict[str, object]) -> object:
        if inspect.iscoroutinefunction(call):
            return await cast(Awaitable[object], call(**arguments))
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, **arguments))


def _check_returned(function: Function, returned: object) -> bindings.HttpAnswer | None:
    if isinstance(function.trigger, HttpTrigger):
        return bindings.http_answer(returned)
    if returned is not None and all(output.parameter != RETURN for output in function.outputs):
        raise TypeError(f"it returned a {type(returned).__name__}, but has no $return binding")
    return None


def describe(error: BaseException, directory: Path) -> str:
    """One line: exception, start of its message (the rest may quote input), innermost place in the app."""
    text = next(iter(str(error).splitlines()), "")[:200]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(directory.resolve())]
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {text}{place}"
