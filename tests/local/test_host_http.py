"""The HTTP trigger: routes, methods, keys, answers, limits, and the host's own routes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.local.hosting import KEY, SAMPLE_APP, Queue, calls, eventually, open_gate, running, write_app

ECHO = """
import json

@app.route(route="echo/{kind:alpha}/{id?}", auth_level="ANONYMOUS")
async def echo(req: func.HttpRequest) -> str:
    return json.dumps({
        "method": req.method, "url": req.url, "route": dict(req.route_params), "query": dict(req.params),
        "many": req.headers.get("X-Many"), "body": req.get_body().decode(),
    })

@app.route(route="echo/special/7", auth_level="ANONYMOUS")
def special(req: func.HttpRequest) -> str:
    return "special"

@app.route(route="files/{*path}", methods=["GET"], auth_level="ANONYMOUS")
def files(req: func.HttpRequest) -> str:
    return req.route_params.get("path", "none")
"""
ANSWERS = """
@app.route(route="{what}", auth_level="ANONYMOUS")
def answer(req: func.HttpRequest):
    match req.route_params["what"]:
        case "none": return None
        case "bytes": return b"bytes"
        case "raise": raise RuntimeError("secret")
        case "empty": return func.HttpResponse(status_code=204, body="ignored")
        case "cookies":
            response = func.HttpResponse(b"<p>", mimetype="text/html", charset="utf-16", headers={"X-One": "1"})
            response.headers.add("Set-Cookie", "a=1")
            response.headers.add("Set-Cookie", "b=2")
            return response
"""
LEVELS = """
@app.route(route="open", auth_level="ANONYMOUS")
def anyone(req: func.HttpRequest) -> str: return "open"

@app.route(route="closed")
def closed(req: func.HttpRequest) -> str: return "closed"

@app.route(route="top", auth_level="ADMIN")
def top(req: func.HttpRequest) -> str: return "top"
"""


async def test_a_request_reaches_the_function_with_route_query_headers_and_body(tmp_path: Path) -> None:
    async with running(write_app(tmp_path, ECHO), environ={}) as (_, client):
        headers = [("X-Many", "1"), ("X-Many", "2")]
        answer = await client.put("/api/echo/word/a%20b?q=1&q=2&empty=", headers=headers, content="body")
        base = str(client.base_url).rstrip("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.json() == {
        "method": "PUT",
        "url": f"{base}/api/echo/word/a%20b?q=1&q=2&empty=",
        "route": {"kind": "word", "id": "a b"},
        "query": {"q": "1,2", "empty": ""},
        "many": "1,2",
        "body": "body",
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/files/a/b.txt", "a/b.txt"),
        ("/api/files", "none"),
        ("/api/echo/special/7", "special"),
        ("/API/Echo/SPECIAL/7/", "special"),
        ("/api/echo/other", '"route": {"kind": "other"}'),
    ],
)
async def test_routes_match_as_in_asp_net(tmp_path: Path, path: str, text: str) -> None:
    async with running(write_app(tmp_path, ECHO)) as (_, client):
        answer = await client.get(path)
    assert answer.status_code == 200
    assert text in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/unknown"), ("GET", "/files/a"), ("POST", "/api/files/a"), ("HEAD", "/api/files/a")],
)
async def test_an_unknown_route_or_method_is_not_found(tmp_path: Path, method: str, path: str) -> None:
    async with running(write_app(tmp_path, ECHO)) as (_, client):
        answer = await client.request(method, path)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/open", {}, 200),
        ("/api/closed", {}, 401),
        ("/api/closed", {"x-functions-key": "wrong"}, 401),
        ("/api/closed?code=wrong", {}, 401),
        ("/api/closed", {"x-functions-key": KEY}, 200),
        (f"/api/closed?code={KEY}", {}, 200),
        ("/api/top", {}, 401),
        ("/api/top", {"x-functions-key": KEY}, 200),
    ],
)
async def test_a_function_that_is_not_anonymous_needs_the_key(
    tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    async with running(write_app(tmp_path, LEVELS)) as (_, client):
        answer = await client.get(path, headers=headers)
    assert answer.status_code == status
    assert (answer.content == b"") == (status == 401)


@pytest.mark.parametrize("what", ["none", "bytes", "raise"])
async def test_what_raises_or_cannot_be_answered_is_an_empty_500(tmp_path: Path, what: str) -> None:
    async with running(write_app(tmp_path, ANSWERS)) as (host, client):
        answer = await client.get(f"/api/{what}")
        assert (answer.status_code, answer.content) == (500, b"")
        assert (host.status().failed, host.status().completed, host.status().running) == (1, 0, 0)


async def test_an_answer_keeps_headers_cookies_type_and_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(write_app(tmp_path, ANSWERS)) as (_, client):
        answer = await client.get("/api/cookies")
        empty = await client.get("/api/empty")
    assert (answer.content, answer.headers["content-type"]) == (b"<p>", "text/html; charset=utf-16")
    assert answer.headers["x-one"] == "1"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (empty.status_code, empty.content) == (204, b"")
    assert "Exception in ASGI application" not in caplog.text, "a 204 was sent with a body"


@pytest.mark.parametrize(("size", "status"), [(10, 200), (11, 413)])
async def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_told(
    tmp_path: Path, size: int, status: int
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * size

    environ = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "10"}
    async with running(write_app(tmp_path, ECHO), environ=environ) as (_, client):
        assert (await client.post("/api/echo/a", content=b"x" * size)).status_code == status
        assert (await client.post("/api/echo/a", content=chunks())).status_code == status


async def test_a_route_prefix_may_be_empty(tmp_path: Path) -> None:
    write_app(tmp_path, ECHO)
    (tmp_path / "host.json").write_text('{"extensions": {"http": {"routePrefix": ""}}}')
    async with running(tmp_path) as (_, client):
        assert (await client.get("/files/a")).text == "a"


async def test_async_functions_share_the_loop_and_sync_ones_have_threads(tmp_path: Path) -> None:
    source = """
    import threading

    @app.route(route="{how}", auth_level="ANONYMOUS")
    def in_thread(req: func.HttpRequest) -> str:
        return str(threading.current_thread() is threading.main_thread())

    @app.route(route="async", auth_level="ANONYMOUS")
    async def on_loop(req: func.HttpRequest) -> str:
        return str(threading.current_thread() is threading.main_thread())
    """
    async with running(write_app(tmp_path, source)) as (_, client):
        assert (await client.get("/api/sync")).text == "False"
        assert (await client.get("/api/async")).text == "True"


async def test_an_asgi_app_can_stand_behind_a_function(tmp_path: Path) -> None:
    source = """
    async def asgi(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    @app.route(route="/{*path}", auth_level="ANONYMOUS")
    async def web(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return await func.AsgiMiddleware(asgi).handle_async(req, context)
    """
    async with running(write_app(tmp_path, source)) as (_, client):
        assert (await client.get("/api/some/where")).text == "/api/some/where"


async def test_the_status_counts_what_runs_and_what_ran(tmp_path: Path) -> None:
    source = """
    @app.route(route="wait", auth_level="ANONYMOUS")
    async def wait(req: func.HttpRequest) -> str:
        calls.append("begun")
        await gate.wait()
        return "done"
    """
    async with running(write_app(tmp_path, source)) as (host, client):
        waiting = asyncio.create_task(client.get("/api/wait"))
        await eventually(lambda: calls() == ["begun"])
        during = (await client.get("/admin/host/status")).json()
        assert not await host.idle()
        open_gate()
        assert (await waiting).text == "done"
        after = (await client.get("/admin/host/status")).json()
    numbers = {"functions": ["wait"], "running": 1, "completed": 0, "failed": 0, "poisoned": 0}
    assert during == {"state": "Running", "version": "local", **numbers}
    assert (after["running"], after["completed"]) == (0, 1)


async def test_a_queue_function_runs_by_hand_with_its_outputs(azurite_account: str) -> None:
    async with running(SAMPLE_APP, azurite_account) as (host, client):
        good = await client.post("/admin/functions/fill_order", json={"input": "tea"})
        bad = await client.post("/admin/functions/fill_order", json={"input": "nothing"})
        timer = await client.post("/admin/functions/close_day", json={})
        assert (good.status_code, good.content, timer.status_code) == (202, b"", 202)
        assert bad.status_code == 500
        assert bad.text.startswith("ValueError: an order for nothing (function_app.py:")
        assert (host.status().completed, host.status().failed, host.status().running) == (2, 1, 0)
    async with Queue(azurite_account, "receipts") as receipts:
        assert await receipts.texts() == ["receipt for tea"]


async def test_what_cannot_be_run_by_hand_is_said(azurite_account: str) -> None:
    async with running(SAMPLE_APP, azurite_account) as (_, client):
        assert (await client.post("/admin/functions/unknown", json={})).status_code == 404
        assert (await client.post("/admin/functions/hello", json={})).status_code == 400
        assert (await client.post("/admin/functions/close_day", json=["input"])).status_code == 400
        assert (await client.post("/admin/functions/close_day", content="{}")).status_code == 415


async def test_admin_routes_need_the_key_from_another_machine(azurite_account: str) -> None:
    async with running(SAMPLE_APP, azurite_account) as (host, _):
        elsewhere = httpx.ASGITransport(app=host.asgi, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://host") as client:
            assert (await client.get("/admin/host/status")).status_code == 401
            assert (await client.post("/admin/functions/close_day", json={})).status_code == 401
            assert (await client.get("/admin/host/status", params={"code": KEY})).status_code == 200
