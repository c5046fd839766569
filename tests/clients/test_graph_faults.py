"""No exception of a vendor comes out: each one we can meet has a meaning of ours."""

import binascii
from types import SimpleNamespace

import azure.core.exceptions as azure_errors
import azure.identity as azure_identity
import httpx
import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError

from shared.clients.graph.faults import as_ours, never_sent
from shared.errors import AccessDenied, BadInput, RetryLater
from tests.clients.graph_wire import DEVICE, Tokens, graph_over, page, raising


def _kinds_of(base: type[httpx.RequestError]) -> list[type[httpx.RequestError]]:
    return [base, *(kind for child in base.__subclasses__() for kind in _kinds_of(child))]


TRANSPORT_ERRORS = _kinds_of(httpx.RequestError)
AZURE_ERRORS = [
    kind
    for module in (azure_errors, azure_identity)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, AzureError)
]

TAKE_A_RESPONSE = {
    azure_errors.ODataV4Error,
    azure_errors.StreamConsumedError,
    azure_errors.StreamClosedError,
    azure_errors.ResponseNotReadError,
}
ABOUT_A_RESPONSE = SimpleNamespace(status_code=500, reason="Busy", request="GET", text=lambda: "{}")


@pytest.mark.parametrize("kind", TRANSPORT_ERRORS, ids=lambda kind: kind.__name__)
async def test_every_failure_of_the_network_is_retry_later(kind: type[httpx.RequestError]) -> None:
    async with graph_over(raising(kind("broken", request=None))) as (graph, wire):
        with pytest.raises(RetryLater, match=kind.__name__):
            await graph.devices.read(DEVICE)
        assert len(wire.requests) == 1


@pytest.mark.parametrize("kind", AZURE_ERRORS, ids=lambda kind: kind.__name__)
async def test_every_failure_of_a_credential_is_ours(kind: type[AzureError]) -> None:
    failure = kind(ABOUT_A_RESPONSE if kind in TAKE_A_RESPONSE else "no identity")
    denied = issubclass(kind, ClientAuthenticationError)
    async with graph_over(page(), tokens=Tokens(fails_with=failure)) as (graph, wire):
        with pytest.raises(AccessDenied if denied else RetryLater, match="no token"):
            await graph.devices.read(DEVICE)
        assert wire.requests == []


@pytest.mark.parametrize(
    ("status", "raised"), [(400, AccessDenied), (401, AccessDenied), (429, RetryLater), (503, RetryLater)]
)
def test_a_token_endpoint_that_fails_or_throttles_is_asked_again_later(status: int, raised: type[Exception]) -> None:
    failure = ClientAuthenticationError("Unexpected response")
    failure.status_code = status
    assert isinstance(as_ours(failure, "devices.read"), raised)


def test_the_lists_of_exceptions_are_not_empty() -> None:
    assert {"ReadTimeout", "RemoteProtocolError"} <= {kind.__name__ for kind in TRANSPORT_ERRORS}
    assert {"CredentialUnavailableError", "ServiceRequestError"} <= {kind.__name__ for kind in AZURE_ERRORS}


def test_claims_that_cannot_be_read_are_access_denied() -> None:
    assert isinstance(as_ours(binascii.Error("padding"), "devices.read"), AccessDenied)


def test_our_own_errors_stay_and_a_bug_stays_a_bug() -> None:
    ours = BadInput("bad")
    assert as_ours(ours, "devices.read") is ours
    assert as_ours(KeyError("bug"), "devices.read") is None


@pytest.mark.parametrize("kind", TRANSPORT_ERRORS, ids=lambda kind: kind.__name__)
def test_only_a_connection_that_was_never_made_proves_that_nothing_was_sent(
    kind: type[httpx.RequestError],
) -> None:
    proven = kind.__name__ in {"ConnectError", "ConnectTimeout", "PoolTimeout"}
    assert never_sent(kind("broken", request=None)) is proven
