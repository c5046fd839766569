"""$batch: up to twenty requests in one, each counted, refused and disturbed on its own.

Source: "Combine multiple HTTP requests using JSON batching" (Microsoft Graph documentation).
"""

from typing import cast

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from local.tenant.http.wire import Json
from local.tenant.model.counts import Counts
from local.tenant.model.operations import Operation

_MOST = 20


class BatchedRequest(BaseModel):
    """One request of a batch."""

    model_config = ConfigDict(extra="forbid")

    id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: object = None
    depends_on: tuple[str, ...] = Field(default=(), alias="dependsOn")


class BatchBody(BaseModel):
    """The body of $batch."""

    model_config = ConfigDict(extra="forbid")

    requests: tuple[BatchedRequest, ...] = Field(max_length=_MOST)


class Batch:
    """Serves $batch by sending each request through ``app``, which is set once the app exists."""

    app: ASGIApp

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    async def serve(self, request: Request) -> Response:
        """POST $batch. 400 for a malformed batch; a request whose dependency failed gets 424."""
        self._counts.by_operation[Operation.BATCH] += 1
        try:
            batch = BatchBody.model_validate_json(await request.body())
        except ValidationError as invalid:
            message = f"Invalid batch payload format: {invalid.errors(include_url=False)[0]['msg']}."
            return JSONResponse({"error": {"code": "BadRequest", "message": message}}, 400)
        version = request.url.path.removesuffix("/$batch")
        responses: dict[str, dict[str, Json]] = {}
        base_url = str(request.base_url).rstrip("/") + version
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as inside:
            for one in batch.requests:
                failed = any(_failed(responses.get(other)) for other in one.depends_on)
                responses[one.id] = _dependency_failed(one) if failed else await _send(inside, one, request)
        return JSONResponse({"responses": list(responses.values())})


def _failed(response: dict[str, Json] | None) -> bool:
    """A request that failed, or that is none of the earlier ones."""
    return response is None or cast("int", response["status"]) >= 400


async def _send(inside: httpx.AsyncClient, one: BatchedRequest, outer: Request) -> dict[str, Json]:
    headers = {"authorization": outer.headers.get("authorization", ""), **one.headers}
    answer = await inside.request(one.method, one.url, headers=headers, json=one.body)
    written: dict[str, Json] = {
        "id": one.id,
        "status": answer.status_code,
        "headers": {name: value for name, value in answer.headers.items() if name != "content-length"},
    }
    return written | ({"body": answer.json()} if answer.content else {})


def _dependency_failed(one: BatchedRequest) -> dict[str, Json]:
    return {
        "id": one.id,
        "status": 424,
        "body": {"error": {"code": "FailedDependency", "message": "A request it depends on failed."}},
    }
