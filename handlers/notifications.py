"""Microsoft Graph's webhook: the validation handshake and the notifications. It reads nothing from Graph."""

from collections.abc import Mapping
from typing import cast

import azure.functions as func

from shared.bootstrap import services
from shared.errors import BadInput, RetryLater
from shared.intake.notifications import MOST_BYTES

LONGEST_TOKEN = 1_024
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}


async def receive(request: func.HttpRequest) -> func.HttpResponse:
    """202 once every genuine notification is stored, whatever else was in the body: a forger learns nothing.

    400, 413 or 415 for a body that no Graph sends; 503 when it cannot be stored, so that Graph sends it again.
    """
    token = request.params.get("validationToken")
    if token is not None:
        return _handshake(token)
    body = request.get_body()
    if len(body) > MOST_BYTES:
        return _refuse(413, "The body is larger than 1 MB.")
    headers = cast("Mapping[str, str]", request.headers)
    if "json" not in headers.get("content-type", "").lower():
        return _refuse(415, "Content-Type must be application/json.")
    try:
        await services().receive.receive(body)
    except BadInput as error:
        return _refuse(400, f"Not a change notification: {error}.")
    except RetryLater:
        return _refuse(503, "Storage is not available; please send it again.")
    return func.HttpResponse(status_code=202)


def _handshake(token: str) -> func.HttpResponse:
    """The decoded token as plain text, byte for byte. It is never logged. Half a character, which cannot be sent back, is none."""
    if not token or len(token) > LONGEST_TOKEN or any("\ud800" <= character <= "\udfff" for character in token):
        return _refuse(400, "The validation token is empty or too long.")
    return func.HttpResponse(token, status_code=200, mimetype="text/plain", charset="utf-8", headers=_NO_SNIFFING)


def _refuse(status: int, why: str) -> func.HttpResponse:
    return func.HttpResponse(why, status_code=status, mimetype="text/plain", headers=_NO_SNIFFING)
