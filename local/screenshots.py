"""`python -m local.screenshots`: plays the example and takes a picture of every page of the console, light and dark, wide and narrow."""

import asyncio
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from playwright.async_api import Browser

from local.browser import browser
from local.play import Player
from local.scenario_run import fresh_stack
from local.stack import Stack
from local.up import EXAMPLE

DOCS = Path(__file__).parent.parent / "docs" / "img"
WIDE, NARROW = 1400, 390


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture. ``path`` is below /api/console; ``most`` is how much of a long page is shown, in pixels."""

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    width: int = WIDE
    most: int = 1100


def main(out: Annotated[Path, typer.Option(help="Where the pictures go.")] = DOCS) -> None:
    """Take them all anew."""
    logging.basicConfig(level=logging.ERROR)
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take(out))


async def _take(out: Path) -> None:
    async with fresh_stack(EXAMPLE) as stack, browser() as running:
        problems = await Player(stack=stack, watch=lambda _: None).play()
        if problems:
            raise SystemExit("The example did not come to its end: " + "; ".join(problems))
        for picture in await _pictures(stack):
            print(picture.name, await _shoot(running, stack, picture, out))


async def _pictures(stack: Stack) -> Sequence[Picture]:
    cases = {line["serial_number"]: f"cases/{line['case_id']}" for line in (await stack.ask("cases"))["cases"]}
    parked = (await stack.ask("parked"))["parked"][0]["id"]
    held, person = cases["5CG3120M0D"], cases["5CG3120KS1"]
    return (
        Picture(name="console-overview", path=""),
        Picture(name="console-overview-dark", path="", scheme="dark"),
        Picture(name="console-cases", path="cases"),
        Picture(name="console-case-approval", path=held),
        Picture(name="console-case-approval-narrow", path=held, width=NARROW, most=1400),
        Picture(name="console-case-person", path=person),
        Picture(name="console-report", path="report?days=14"),
        Picture(name="console-parked", path="parked"),
        Picture(name="console-parked-message", path=f"parked/{parked}"),
        Picture(name="console-tenant", path="tenant"),
    )


async def _shoot(running: Browser, stack: Stack, picture: Picture, out: Path) -> str:
    context = await running.new_context(
        viewport={"width": picture.width, "height": 900},
        color_scheme=picture.scheme,
        device_scale_factor=1 if picture.width > 800 else 2,
        base_url=f"http://127.0.0.1:{stack.host_port}",
    )
    page = await context.new_page()
    await page.goto(f"/api/console/{picture.path}".rstrip("/"))
    height = min(picture.most, await page.evaluate("document.documentElement.scrollHeight"))
    await page.set_viewport_size({"width": picture.width, "height": height})
    file = out / f"{picture.name}.png"
    await page.screenshot(path=file)
    await context.close()
    if (smaller := shutil.which("pngquant")) is not None:
        await (await asyncio.create_subprocess_exec(smaller, "--force", "--ext", ".png", "--speed", "1", file)).wait()
    return f"{file.stat().st_size // 1000} kB"


if __name__ == "__main__":
    typer.run(main)
