"""What stands around every page: where one can go, who is signed in, and that all wipes are frozen."""

from dataclasses import dataclass

from shared.console.assets import ROOT
from shared.operate.principals import Principal, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry of the navigation. ``counts`` says what its number counts."""

    url: str
    text: str
    here: bool
    count: int = 0
    counts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The person who looks."""

    name: str
    roles: str
    sign_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The frame of one page."""

    who: SignedIn | None = None
    links: tuple[Link, ...] = ()
    token: str = ""
    frozen: str = ""


_PAGES = (
    ("", "Overview"),
    ("/cases", "Cases"),
    ("/report", "Report"),
    ("/parked", "Parked"),
    ("/tenant", "Tenant"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What is said about the last thing that was done."""

    text: str
    tone: str


DONE = {
    "approved": "Approved. The wipe goes as soon as no guardrail holds it.",
    "half": "Your approval is noted. A second person has to approve, too.",
    "rejected": "Rejected. Nothing is wiped; the case rests for an operator.",
    "cancelled": "The case is cancelled. Nothing is wiped.",
    "retried": "The case goes on.",
    "released": "The case looks again now.",
    "frozen": "All wipes are frozen.",
    "thawed": "Wipes may be sent again.",
    "replayed": "The message is on its queue again.",
    "discarded": "The message is discarded.",
    "attested": "Your word is written down and counts from now on.",
}
"""What an address may say was done: nothing that somebody else could have written."""


def frame(who: Principal, path: str, *, token: str, waiting: int, frozen: str, sign_out: str) -> Frame:
    """The frame for this person on this page (``/cases`` and below it; empty: the overview)."""
    return Frame(
        who=SignedIn(name=who.name, roles=_roles(who), sign_out=sign_out),
        links=tuple(_link(*page, path, waiting if page[0] == "" else 0) for page in _PAGES),
        token=token,
        frozen=frozen,
    )


def done(code: str) -> Word | None:
    """The word for what was done, or None for what nobody can have done."""
    return Word(text=DONE[code], tone="good") if code in DONE else None


def _link(page: str, text: str, path: str, waiting: int) -> Link:
    here = path == page if not page else path == page or path.startswith(f"{page}/")
    return Link(url=f"{ROOT}{page}", text=text, here=here, count=waiting, counts="cases wait for you")


def _roles(who: Principal) -> str:
    return ", ".join(role.value.removeprefix("Handover.") for role in Role if role in who.roles) or "no role"
