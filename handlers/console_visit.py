"""One request to the console: who came, for what, and how it is answered."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

import azure.functions as func

from handlers.answers import headers_of
from shared.bootstrap import services
from shared.console.assets import ROOT
from shared.console.frame import Frame, Word, frame
from shared.console.overview import frozen_since
from shared.console.rendering import render
from shared.console.times import Times
from shared.console.tokens import make_token
from shared.domain.facts import Freeze
from shared.operate.principals import Principal

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of a person who is signed in. ``path`` has no slash at its ends: ``cases/device-1``."""

    request: func.HttpRequest
    path: str
    who: Principal
    times: Times
    key: bytes

    @property
    def query(self) -> Mapping[str, str]:
        """What stands behind the question mark."""
        return cast("Mapping[str, str]", self.request.params)

    @property
    def headers(self) -> Mapping[str, str]:
        """Whatever case their names are asked for in."""
        return headers_of(self.request)

    @property
    def segment(self) -> str:
        """The second part of the path: an id."""
        return self.path.split("/")[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What every page says in its frame: whether all is frozen, and how many cases wait for this person."""

    freeze: Freeze
    waiting: int


async def _glance(who: Principal) -> Glance:
    freeze, figures = await asyncio.gather(services().console.freeze.read(), services().overview.show(who))
    return Glance(freeze=freeze, waiting=sum(figures["waiting_for_you"].values()))


async def frame_for(visit: Visit, glance: Glance | None = None) -> Frame:
    """What stands around the page; ``glance`` where the page itself has read it, so that both say the same."""
    at_a_glance = await _glance(visit.who) if glance is None else glance
    token = make_token(visit.key, visit.who.id, visit.times.now)
    return frame(
        visit.who,
        f"/{visit.path}" if visit.path else "",
        token=token,
        waiting=at_a_glance.waiting,
        frozen=frozen_since(at_a_glance.freeze, visit.times) if at_a_glance.freeze.frozen else "",
        sign_out=sign_out_url(),
    )


async def page(
    visit: Visit,
    template: str,
    *,
    status: int = 200,
    word: Word | None = None,
    glance: Glance | None = None,
    **values: object,
) -> func.HttpResponse:
    """A page in its frame; ``glance``: see there."""
    return html(status, render(template, {"frame": await frame_for(visit, glance), "word": word, **values}))


def bare_page(status: int, title: str, text: str, *, sign_in: str = "") -> func.HttpResponse:
    """A page for somebody who is not known, or when nothing can be read."""
    values = {"frame": Frame(), "word": None, "title": title, "text": text, "sign_in": sign_in}
    return html(status, render("error.html", values))


async def error_page(visit: Visit, status: int, title: str, text: str) -> func.HttpResponse:
    """A page that says what is wrong, for somebody who is signed in."""
    try:
        return await page(visit, "error.html", status=status, title=title, text=text, sign_in="")
    except Exception:  # storage is away: the frame cannot be read either
        log.exception("console.frame_failed")
        return bare_page(status, title, text)


def html(status: int, text: str) -> func.HttpResponse:
    """An answer that no cache keeps and no other site can use."""
    return func.HttpResponse(text, status_code=status, mimetype="text/html", charset="utf-8", headers=HEADERS)


def go_to(path: str, done: str = "") -> func.HttpResponse:
    """After an action: to be seen by GET, so that a reload does nothing again. ``path`` begins with a slash, or is empty."""
    asked = f"?done={done}" if done else ""
    return func.HttpResponse(status_code=303, headers={**HEADERS, "Location": f"{ROOT}{path}{asked}"})


def sign_in_url(path: str) -> str:
    """Where App Service Authentication lets a person sign in, and back to the page; empty where it does not stand before us."""
    if not services().sign_in.by_platform:
        return ""
    return f"/.auth/login/aad?post_login_redirect_uri={quote(f'{ROOT}/{path}'.rstrip('/'))}"


def sign_out_url() -> str:
    """Where they sign out; empty likewise."""
    return "/.auth/logout" if services().sign_in.by_platform else ""
