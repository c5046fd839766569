"""The app's instances in a history: the product's own services over simulated storage and the simulated tenant."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_type_hints
from typing import cast as cast_type

from pydantic import SecretStr

from local.tenant.model.clock import SimClock
from shared.bootstrap import build, connect
from shared.clients.graph.client import Graph
from shared.domain.hint import Hint
from shared.domain.policy import Mode
from shared.intake.messages import write_hints
from shared.names import HINTS
from shared.ports import Ports
from shared.services import Services
from shared.settings import Settings
from tests.fakes.ids import CountingIds
from tests.safety import cast
from tests.safety.shape import Shape
from tests.safety.storage import SimulatedQueues, SimulatedRows
from tests.safety.tenant_front import InProcessTransport

if TYPE_CHECKING:
    from shared.intake.packing import HintQueue

MOST_HINTS = 32
_OF_GRAPH = tuple(port.name for port in fields(Ports) if port.name in get_type_hints(Graph))


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewedClock:
    """The port Clock of one instance, which is wrong by a constant."""

    true: SimClock
    by: timedelta

    def now(self) -> datetime:
        """The time as this instance believes it, UTC."""
        return self.true.now() + self.by


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectHints:
    """What the sweep finds goes to the queue at once: to gather hints of many requests takes tasks of an event loop."""

    messages: SimulatedQueues

    async def send(self, hints: Sequence[Hint]) -> None:
        """Raises RetryLater."""
        for start in range(0, len(hints), MOST_HINTS):
            await self.messages.send(HINTS, write_hints(hints[start : start + MOST_HINTS]))


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What all instances share."""

    settings: Settings
    clock: SimClock
    rows: SimulatedRows
    queues: SimulatedQueues
    graph: InProcessTransport

    def instances(self, skews: Sequence[timedelta], ids: CountingIds) -> Sequence[Services]:
        """One instance for each of these errors of its clock."""
        return [self._instance(ids, skew) for skew in skews]

    def _instance(self, ids: CountingIds, skew: timedelta) -> Services:
        clock = SkewedClock(true=self.clock, by=skew) if skew else self.clock
        graph = Graph(self.settings, clock, transport=self.graph.with_clock(clock) if skew else self.graph)
        of_graph: dict[str, Any] = {name: getattr(graph, name) for name in _OF_GRAPH}
        ports = replace(
            _never_used(self.settings.mode),
            clock=clock,
            rows=self.rows,
            messages=self.queues,
            ids=ids,
            close=_close,
            **of_graph,
        )
        services = build(self.settings, ports)
        hints = cast_type("HintQueue", DirectHints(messages=self.queues))
        services.sweep = replace(services.sweep, hints=hints)
        return services


async def _close() -> None:
    return


@functools.cache
def _never_used(mode: Mode) -> Ports:
    """The real outside world, of which nothing is opened, for what a history has no double of."""
    return connect(settings_of(Shape(mode=mode)))


def settings_of(shape: Shape) -> Settings:
    """The administrators' settings in such a history."""
    return _settings(shape.mode, shape.wipes_per_hour, shape.mail, shape.exclusion, shape.ramped)


@functools.cache
def _settings(mode: Mode, wipes_per_hour: int, mail: bool, exclusion: bool, ramped: bool) -> Settings:
    return Settings(  # pyright: ignore[reportCallIssue]  # the others come from the environment
        tenant_id=cast.TENANT_ID,
        storage=SecretStr("UseDevelopmentStorage=true"),
        mode=mode,
        auto_until=cast.START.date() + timedelta(days=31),
        armed_days=31,
        staging_accounts=(cast.STAGING,),
        licence_skus=("SPB",),
        enrolment_attested_by="admin@contoso.example",
        enrolment_attested_on=cast.START.date(),
        enrolment_attested_scope="all",
        wipes_per_hour=wipes_per_hour,
        ramp=("50",) if ramped else ("1", "2", "4", "8"),
        exclusion_group=cast.UNTOUCHED if exclusion else None,
        mail_from=cast.MAILBOX if mail else None,
        operators_mail=("operators@contoso.example",) if mail else (),
    )
