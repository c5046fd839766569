"""`python -m local.send`: puts one device event on the device-events queue, as an ITSM or HR system would."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from shared.errors import BadInput
from shared.intake.device_events import read_device_event
from shared.names import DEVICE_EVENTS

STORAGE_NOTE = Path(__file__).parent / ".storage"
"""Where `make up` notes its connection string."""


def main(
    event_type: Annotated[
        str, typer.Argument(help="device.noncompliant, device.user-assigned or user.licence-changed")
    ],
    serial: Annotated[str | None, typer.Option(help="Serial number of the device.")] = None,
    device: Annotated[str | None, typer.Option(help="Intune device id.")] = None,
    user: Annotated[str | None, typer.Option(help="UPN of the user.")] = None,
    user_id: Annotated[str | None, typer.Option(help="Entra object id of the user.")] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            envvar="AzureWebJobsStorage", help="Connection string of the storage account; default: that of `make up`."
        ),
    ] = None,
) -> None:
    """Send one event; what the app would park is refused here, with the same words."""
    named = {"serialNumber": serial, "managedDeviceId": device, "userPrincipalName": user, "userId": user_id}
    body = json.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "/local/send",
            "type": event_type,
            "time": datetime.now(UTC).isoformat(),
            "data": {name: value for name, value in named.items() if value},
        }
    )
    try:
        read_device_event(body, datetime.now(UTC))
        storage = storage or STORAGE_NOTE.read_text()
    except (BadInput, OSError) as error:
        typer.secho(f"Not sent: {error}", fg="red", err=True)
        raise typer.Exit(1) from error
    queue = QueueClient.from_connection_string(storage, DEVICE_EVENTS, message_encode_policy=TextBase64EncodePolicy())
    with queue:
        queue.send_message(body)
    typer.echo(f"Sent {event_type}.")


if __name__ == "__main__":
    typer.run(main)
