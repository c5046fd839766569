"""`python -m local.storage`: makes the queues and tables in a storage account, as infra/ does on Azure."""

import asyncio
from typing import Annotated

import typer
from pydantic import SecretStr

from shared.clients.storage.connect import Storage
from shared.names import QUEUES, TABLES
from shared.settings import Settings


async def make(connection_string: str) -> None:
    """Make what is missing."""
    settings = Settings.model_construct(storage=SecretStr(connection_string))
    storage = Storage(settings)
    try:
        await storage.rows.ensure_tables(TABLES)
        await storage.messages.ensure_queues((*QUEUES, *(f"{queue}-poison" for queue in QUEUES)))
    finally:
        await storage.close()


def main(
    connection: Annotated[
        str, typer.Argument(envvar="AzureWebJobsStorage", help="Connection string of the storage account.")
    ] = "UseDevelopmentStorage=true",
) -> None:
    """Make Handover's queues and tables; what is there already stays as it is."""
    asyncio.run(make(connection))
    typer.echo(f"Queues: {', '.join(QUEUES)} and their poison queues. Tables: {', '.join(TABLES)}.")


if __name__ == "__main__":
    typer.run(main)
