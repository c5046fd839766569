"""One browser and one running installation for all browser tests: Azurite, the simulated tenant, the app in its host."""

import json
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page

from local.azurite import Azurite, AzuriteMissing
from local.browser import BrowserMissing, browser
from local.play import Player
from local.stack import Stack
from local.tenant.scenario import Scenario, parse
from local.up import EXAMPLE
from tests.handlers.arguments import PLAYED

ANN, BEN, RITA = "ann@contoso.example;Approver,Operator", "ben@contoso.example;Approver", "rita@contoso.example;Reader"
FINISHED, RACED, KEYED, EXPIRED, HOSTILE = "5CG0000001", "5CG0000002", "5CG0000003", "5CG0000004", "5CG0000005"
HELD = (FINISHED, RACED, KEYED, EXPIRED, HOSTILE)
AMBIGUOUS, UNREADY = "5CG0000006", "5CG0000007"
BAD_NAME = "<img src=x onerror=window.hacked=1>"
BAD_PERSON = '"><script>window.hacked=1</script>'
BAD_UPN = "x'onmouseover=window.hacked=1@contoso.example"


def office() -> Scenario:
    """Five wipes that wait for a yes, one case for a person, one that is not ready, one message that could not be used."""
    document = json.loads(EXAMPLE.read_text("utf-8"))
    people = ["zoe.mueller", "jonas.weber", "lukasz.nowak", "amelie.laurent"]
    users = [user for user in document["users"] if user["upn"].partition("@")[0] in (*people, "staging", "noor.haddad")]
    users += [{"upn": BAD_UPN, "name": BAD_PERSON, "licences": ["SPB"]}]
    owners = [*(f"{name}@contoso.example" for name in people), BAD_UPN]
    devices = [_device(serial, [owner]) for serial, owner in zip(HELD, owners, strict=True)]
    devices[-1]["name"] = BAD_NAME
    devices.append(_device(AMBIGUOUS, owners[:2]))
    devices.append(_device(UNREADY, ["noor.haddad@contoso.example"]) | {"autopilot": None})
    timeline: list[dict[str, Any]] = [
        {"at": "PT1M", "do": "event", "type": "device.noncompliant", "device": device["serial"]} for device in devices
    ]
    timeline.append(
        {"at": "PT2M", "do": "message", "queue": "device-events", "body": "<script>window.hacked=1</script>"}
    )
    states = dict.fromkeys(HELD, "awaiting_approval") | {AMBIGUOUS: "needs_person", UNREADY: "not_ready"}
    return parse(
        {
            **document,
            "settings": {"HANDOVER_MODE": "approve", "HANDOVER_RAMP": "8,16"},
            "tenant": {"skus": [{"part": "SPB", "seats": 30}, {"part": "O365_BUSINESS_PREMIUM", "seats": 30}],
                       "other_devices": {"enrolled": 1000, "noncompliant": 10}},
            "users": users,
            "devices": devices,
            "timeline": timeline,
            "expect": {"cases": [{"device": serial, "state": state} for serial, state in states.items()]},
        }
    )  # fmt: skip


def _device(serial: str, people: list[str]) -> dict[str, Any]:
    return {
        "serial": serial,
        "name": f"PC-{serial[-4:]}",
        "enrolled_by": "staging@contoso.example",
        "enrolled_at": "2026-02-16T09:30:00Z",
        "compliance": "noncompliant",
        "logged_on": people,
        "autopilot": {"user": None},
    }


@dataclass(kw_only=True)
class Office:
    """What the tests play in. ``troubles`` is what the browser had to say about the pages: nothing, if all is well."""

    stack: Stack
    browser: Browser
    cases: dict[str, str]
    """Case ids by serial number."""
    parked: str
    troubles: list[str] = field(default_factory=list[str])

    @property
    def root(self) -> str:
        """Where the console is."""
        return f"http://127.0.0.1:{self.stack.host_port}/api/console"

    def case(self, serial: str) -> str:
        """The page of a device's case."""
        return f"{self.root}/cases/{self.cases[serial]}"

    @asynccontextmanager
    async def visit(self, who: str = ANN, **options: Any) -> AsyncGenerator[Page, None]:
        """A window of this person's browser, and of nobody else's."""
        context: BrowserContext = await self.browser.new_context(
            extra_http_headers={PLAYED: who}, reduced_motion="reduce", **options
        )
        try:
            page = await context.new_page()
            page.set_default_timeout(10_000)
            page.on("console", self._note)
            page.on("pageerror", lambda error: self.troubles.append(str(error)))
            page.on("dialog", self._dismiss)
            yield page
        finally:
            await context.close()

    def _note(self, message: ConsoleMessage) -> None:
        # an answer that is no 200 is told as an error, too: the tests ask for some
        if message.type == "error" and "the server responded with a status" not in message.text:
            self.troubles.append(message.text)

    async def _dismiss(self, dialog: Dialog) -> None:
        self.troubles.append(f"a dialog: {dialog.message}")
        await dialog.dismiss()


@asynccontextmanager
async def _open_office() -> AsyncGenerator[Office, None]:
    async with AsyncExitStack() as parts:
        running = await parts.enter_async_context(browser())
        storage = parts.enter_context(Azurite()).connection_string
        stack = await parts.enter_async_context(Stack(scenario=office(), connection_string=storage))
        assert await Player(stack=stack, watch=lambda _: None).play() == []
        lines = (await stack.ask("cases"))["cases"]
        yield Office(
            stack=stack,
            browser=running,
            cases={line["serial_number"]: line["case_id"] for line in lines},
            parked=(await stack.ask("parked"))["parked"][0]["id"],
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running_office() -> AsyncGenerator[Office, None]:
    """It all, once for the module. Where Chromium or Azurite is missing, CI fails and others skip."""
    made: Callable[[], AbstractAsyncContextManager[Office]] = _open_office
    try:
        opened = made()
        there = await opened.__aenter__()
    except (BrowserMissing, AzuriteMissing) as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    try:
        yield there
    finally:
        await opened.__aexit__(None, None, None)


AXE = Path(__file__).parents[2] / "local" / "node_modules" / "axe-core" / "axe.min.js"
