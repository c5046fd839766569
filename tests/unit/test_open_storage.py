"""Opening storage: which credential, which settings, and what it costs to import."""

import os
import subprocess
import sys
from types import TracebackType

import pytest
from azure.core.credentials import AccessToken
from azure.identity import CredentialUnavailableError

from shared.clients.storage import connect
from shared.clients.storage.connect import Storage
from shared.errors import AccessDenied, RetryLater
from shared.names import CASES, HINTS
from shared.settings import Settings

TENANT = "11111111-2222-3333-4444-555555555555"
NOWHERE = "https://127.0.0.1:1"


class FakeCredential:
    """Hands out tokens, or none; knows for what it was asked and whether it was closed."""

    def __init__(self, *, available: bool = True) -> None:
        self.scopes = set[str]()
        self.closed = False
        self._available = available

    async def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.scopes.update(scopes)
        if not self._available:
            raise CredentialUnavailableError("no managed identity here")
        return AccessToken("made-up", 4_102_444_800)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> "FakeCredential":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


def settings(**fields: object) -> Settings:
    return Settings.model_validate({"tenant_id": TENANT, "storage": None, **fields})


def on_azure(**fields: object) -> Settings:
    return settings(storage_table_uri=NOWHERE, storage_queue_uri=NOWHERE, **fields)


@pytest.mark.parametrize("given", [{}, {"storage_table_uri": NOWHERE}, {"storage_queue_uri": NOWHERE}])
def test_settings_without_a_storage_are_refused_with_the_names_to_set(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="AzureWebJobsStorage"):
        Storage(settings(**given))


async def test_a_shared_credential_is_asked_for_storage_and_left_open() -> None:
    credential = FakeCredential()
    storage = Storage(on_azure(), credential)
    with pytest.raises(RetryLater):  # nobody listens there
        await storage.rows.get(CASES, "p", "k")
    with pytest.raises(RetryLater):
        await storage.messages.send(HINTS, "x")
    await storage.close()
    assert credential.scopes == {"https://storage.azure.com/.default"}
    assert not credential.closed


async def test_a_credential_that_has_no_token_is_access_denied() -> None:
    storage = Storage(on_azure(), FakeCredential(available=False))
    with pytest.raises(AccessDenied):
        await storage.rows.get(CASES, "p", "k")
    with pytest.raises(AccessDenied):
        await storage.messages.send(HINTS, "x")
    await storage.close()


async def test_a_credential_of_its_own_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    credential = FakeCredential()

    def credential_for(_: Settings) -> FakeCredential:
        return credential

    monkeypatch.setattr(connect, "credential_for", credential_for)
    storage = Storage(on_azure())
    await storage.close()
    assert credential.closed


async def test_storage_that_was_never_used_can_be_closed_twice() -> None:
    storage = Storage(on_azure(), FakeCredential())
    await storage.close()
    await storage.close()


def test_importing_the_clients_loads_nothing_of_azure() -> None:
    code = (
        "import sys, shared.clients.storage.connect, shared.clients.storage.errors, shared.clients.system\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msgraph', 'aiohttp', 'httpx')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("variable", "asked"),
    [("HTTPS_PROXY", True), ("http_proxy", True), ("ALL_PROXY", True), ("NO_PROXY", False), (None, False)],
)
def test_the_environment_is_asked_for_a_proxy_only_where_it_names_one(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, asked: bool
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    if variable is not None:
        monkeypatch.setenv(variable, "http://proxy.example:3128")
    opened: list[object] = []

    def note(_: str, **how: object) -> None:
        opened.append(how["use_env_settings"])

    for client in ("azure.data.tables.aio.TableServiceClient", "azure.storage.queue.aio.QueueServiceClient"):
        monkeypatch.setattr(f"{client}.from_connection_string", note)
    Storage(settings(storage="UseDevelopmentStorage=true"))
    assert opened == [asked, asked]
