"""The browser for tests and pictures: the Chromium of this machine, driven by Playwright, which downloads none."""

import contextlib
import shutil
from collections.abc import AsyncGenerator

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # CI runs as root; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
)


class BrowserMissing(Exception):
    """There is no Chromium on this machine; the text says how to get one."""


def find_browser() -> str:
    """Where Chromium is. Raises BrowserMissing."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise BrowserMissing("Chromium was not found (Debian, Ubuntu: apt-get install chromium)")
    return found


@contextlib.asynccontextmanager
async def browser() -> AsyncGenerator[Browser, None]:
    """One headless Chromium. Raises BrowserMissing."""
    executable = find_browser()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield running
        finally:
            await running.close()
