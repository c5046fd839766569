"""Opens the way to storage: credential, connections, time-outs and retries."""

from typing import TYPE_CHECKING, Any
from urllib.request import getproxies_environment

from shared.clients.graph.connection import credential_for
from shared.clients.storage.messages import AzureMessages
from shared.clients.storage.rows import AzureRows

if TYPE_CHECKING:  # imported when storage is opened
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.data.tables.aio import TableServiceClient
    from azure.storage.queue.aio import QueueServiceClient

    from shared.settings import Settings

# Both are keyword arguments of Azure's clients, all times in seconds.
_TABLES: dict[str, Any] = {
    "connection_timeout": 1,
    "read_timeout": 5,
    "retry_total": 1,
    "retry_status": 0,  # a 429 or 5xx is for our caller: the SDK would sleep for all of its Retry-After
}
_QUEUES: dict[str, Any] = {
    "connection_timeout": 1,
    "read_timeout": 2,
    "retry_total": 1,
    "initial_backoff": 0.2,  # the SDK waits initial_backoff + increment_base ** attempt, +- random_jitter_range
    "increment_base": 0,
    "random_jitter_range": 0.1,
}


class Storage:
    """Rows and messages of the app's storage account. Nothing is sent before the first call to one of them.

    ``credential`` is one to share, which then is not closed here. Raises ValueError when the settings name neither a
    connection string nor both endpoints.
    """

    def __init__(self, settings: "Settings", credential: "AsyncTokenCredential | None" = None) -> None:
        self._own_credential: AsyncTokenCredential | None = None
        if settings.storage is not None:
            self._tables, self._queues = _with_connection_string(settings.storage.get_secret_value())
        elif settings.storage_table_uri is not None and settings.storage_queue_uri is not None:
            if credential is None:
                credential = self._own_credential = credential_for(settings)
            self._tables, self._queues = _with_identity(
                settings.storage_table_uri, settings.storage_queue_uri, credential
            )
        else:
            raise ValueError("set AzureWebJobsStorage, or its __tableServiceUri and its __queueServiceUri")
        self.rows = AzureRows(self._tables)
        self.messages = AzureMessages(self._queues)

    async def close(self) -> None:
        """Close the connections, and the credential if it was made here."""
        await self._tables.close()
        await self._queues.close()
        if self._own_credential is not None:
            await self._own_credential.close()


def _proxy() -> dict[str, Any]:
    """Only where the environment names a proxy it is asked for one: aiohttp does so in two threads for every request."""
    return {"use_env_settings": bool({"http", "https", "all"} & getproxies_environment().keys())}


def _with_connection_string(text: str) -> "tuple[TableServiceClient, QueueServiceClient]":
    from azure.data.tables.aio import TableServiceClient  # noqa: PLC0415  # 0.25 s
    from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415  # 0.5 s

    return (
        TableServiceClient.from_connection_string(text, **_TABLES, **_proxy()),
        QueueServiceClient.from_connection_string(text, **_QUEUES, **_proxy()),
    )


def _with_identity(
    table_uri: str, queue_uri: str, credential: "AsyncTokenCredential"
) -> "tuple[TableServiceClient, QueueServiceClient]":
    from azure.data.tables.aio import TableServiceClient  # noqa: PLC0415  # see above
    from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415  # see above

    return (
        TableServiceClient(table_uri, credential=credential, **_TABLES, **_proxy()),
        QueueServiceClient(queue_uri, credential=credential, **_QUEUES, **_proxy()),
    )
