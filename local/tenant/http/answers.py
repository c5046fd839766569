"""Answers on the wire: JSON, errors as Graph words them, the headers that every answer has, and broken connections."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.tenant.http.request import Reply
from local.tenant.http.wire import Json
from local.tenant.model.refusal import GraphRefusal, Service

_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


def answer(request: Request, reply: Reply, now: datetime) -> Response:
    """A reply as an HTTP answer; ``now`` is the virtual time."""
    headers = _headers(request, now) | dict(reply.headers)
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    content = json.dumps(reply.body, separators=(",", ":"), ensure_ascii=False)
    return Response(content, reply.status, headers | {"OData-Version": "4.0"}, _JSON)


def refuse(request: Request, refusal: GraphRefusal, now: datetime) -> Response:
    """A refusal as an HTTP answer with Graph's error body."""
    headers = _headers(request, now)
    error: Json = {
        "code": refusal.code,
        "message": _message(refusal, headers["request-id"]),
        "innerError": {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": headers["request-id"],
            "client-request-id": headers["client-request-id"],
        },
    }
    more = dict(refusal.headers)
    if more.get("Location", "").startswith("?"):
        more["Location"] = f"{str(request.base_url).rstrip('/')}{request.url.path}{more['Location']}"
    content = json.dumps({"error": error}, separators=(",", ":"), ensure_ascii=False)
    return Response(content, refusal.status, headers | more, "application/json")


class Dropped(Response):
    """No answer at all: the connection breaks."""

    # Starlette's signature; a connection that breaks needs neither of the two
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Abort the transport of uvicorn; any other server gets an exception."""
        transport = scope.get("state", {}).get("transport")
        if transport is None:
            raise ConnectionResetError("the simulated tenant dropped the connection")
        transport.abort()
        await asyncio.sleep(0)  # lets uvicorn notice, so that it does not answer 500 in vain


def _headers(request: Request, now: datetime) -> dict[str, str]:
    request_id = str(uuid4())
    return {
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
        "Date": format_datetime(now, usegmt=True),
    }


def _message(refusal: GraphRefusal, request_id: str) -> str:
    """Intune puts JSON text into the message."""
    if refusal.service is not Service.INTUNE:
        return refusal.message
    wrapped: Mapping[str, Json] = {
        "_version": 3,
        "Message": f"{refusal.message} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000"
        f" - Activity ID: {request_id} - Url: https://intune.invalid",
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    }
    return json.dumps(wrapped, indent=2).replace("\n", "\r\n")
