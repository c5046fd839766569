"""Asking the console as a browser does: pages by GET, forms by POST with the token that its own page showed."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit

from handlers import console
from local.host.bindings import HttpAnswer
from tests.handlers.arguments import PLAYED, answer, header, request

ADA, BOB, RITA, NOBODY = "Ada;Approver,Operator", "Bob;Approver", "Rita;Reader", "Nemo"
OURS = {"origin": "https://handover.example", "sec-fetch-site": "same-origin"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Page(HTMLParser):
    """A page taken apart: its tags, its text, and its forms with their hidden fields."""

    def __init__(self, given: HttpAnswer) -> None:
        super().__init__()
        self.status = given.status
        self.answer = given
        self.html = given.body.decode()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] | None = None
        self.feed(self.html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "form":
            self._form = self.forms.setdefault(str(given.get("action")), {})
        if tag == "input" and given.get("type") == "hidden" and self._form is not None:
            self._form[str(given["name"])] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        self.text += data + " "

    @property
    def word(self) -> str:
        """What is said about the last thing that was done."""
        found = re.search(r"data-word>(.*?)</p>", self.html, re.DOTALL)
        return "" if found is None else found[1].strip()


async def get(path: str = "", *, who: str = ADA, headers: Mapping[str, str] | None = None) -> Page:
    """A page below /api/console, as this person."""
    split = urlsplit(path)
    given = request(
        method="GET",
        headers={PLAYED: who, **(headers or {})},
        query=dict(parse_qsl(split.query, keep_blank_values=True)),
        route={"path": split.path} if split.path else {},
    )
    return Page(answer(await console.answer(given)))


async def post(
    path: str,
    fields: Mapping[str, str],
    *,
    who: str = ADA,
    headers: Mapping[str, str] = OURS,
    body: bytes | None = None,
) -> Page:
    """Send a form; ``fields`` are all of its fields."""
    sent = urlencode(fields).encode() if body is None else body
    given = request(sent, headers={PLAYED: who, **FORM, **headers}, route={"path": path})
    return Page(answer(await console.answer(given)))


async def press(page: Page, path: str, *, who: str = ADA, **fields: str) -> Page:
    """Fill in the form that the page shows for this action, and send it."""
    return await post(path, {**page.forms[f"/api/console/{path}"], **fields}, who=who)


def leads_to(page: Page) -> str:
    """Where the answer to a form leads."""
    assert page.status == 303, page.text
    return (header(page.answer, "location") or "").removeprefix("/api/console")
