"""The simulated tenant without a wire: it finds what the wire would find, and no tenant knows of another one."""

from typing import Any

import pytest
from starlette.routing import Match
from starlette.routing import Route as WireRoute

from local.tenant.http.app import endpoints
from local.tenant.http.request import Endpoint
from local.tenant.http.wire import Version
from shared.names import TABLES
from tests.safety.history import History
from tests.safety.tenant_front import routes

VERSIONS: tuple[Version, ...] = ("v1.0", "beta")


@pytest.mark.parametrize("filled_in", ["an-id", "delta", "$ref"])
def test_every_path_leads_to_the_endpoint_to_which_it_leads_over_the_wire(filled_in: str):
    checked = 0
    for version in VERSIONS:
        served = [endpoint for endpoint in endpoints() if version in endpoint.versions]
        wire = [(endpoint, WireRoute(endpoint.path, _nobody, methods=[endpoint.method])) for endpoint in served]
        for asked in served:
            path = tuple(filled_in if part.startswith("{") else part for part in asked.path.strip("/").split("/"))
            endpoint, values = _over_the_wire(wire, asked.method, path)
            route = routes().find(asked.method, version, path)
            assert route is not None
            assert (route.endpoint, route.values(path)) == (endpoint, values), path
            checked += 1
    assert checked > 150


def test_a_path_that_the_tenant_does_not_have_leads_nowhere():
    assert routes().find("GET", "v1.0", ("nothing", "here")) is None
    assert routes().find("GET", "v1.0", ("deviceManagement", "auditEvents", "an-id", "more")) is None
    assert routes().find("POST", "v1.0", ("subscribedSkus",)) is None
    assert routes().find("GET", "v1.0", ("deviceManagement", "remoteActionAudits")) is None  # on beta only


def test_a_history_is_the_same_whatever_other_histories_are_alive_in_the_process():
    for seed in range(8):
        alone = _outcome(History(seed=seed).run())
        between, other = History(seed=seed), History(seed=seed + 100)
        other.run()
        again = _outcome(between.run())
        assert again == alone
        assert _outcome(other) != alone


def _outcome(history: History) -> tuple[object, ...]:
    """What happened in a history, what its tenant counted, and every row that it left."""
    rows = {name: {key: row.data for key, row in history.rows.table(name).items()} for name in TABLES}
    return history.scheduler.trace, history.model.counts, rows


def _over_the_wire(
    wire: list[tuple[Endpoint, WireRoute]], method: str, path: tuple[str, ...]
) -> tuple[Endpoint, dict[str, Any]]:
    for endpoint, route in wire:
        match, scope = route.matches({"type": "http", "method": method, "path": f"/{'/'.join(path)}"})
        if match is Match.FULL:
            return endpoint, scope["path_params"]
    raise AssertionError(f"no {method} {path}")


def _nobody() -> None:
    """Serves nothing: only the paths matter here."""
