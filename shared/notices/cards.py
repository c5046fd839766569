"""Notices to operators: an Adaptive Card for Teams and a mail. Names come from other systems and are never read as markup."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from shared.domain.operators import OperatorNotice
from shared.notices.texts import fill_in

Json = dict[str, object]
_LONGEST = 1_000
MOST_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is shown, in any channel."""

    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = field(default=())
    link: tuple[str, str] | None = None
    """Words and URL of where one sees more and can act; following it does nothing yet."""


def one(notice: OperatorNotice, console: str | None = None) -> Message:
    """A single notice. ``console`` is the URL of the operator's console, without a trailing slash."""
    return Message(title=notice.title, text=notice.text, facts=notice.facts, link=_link(notice.case_id, console))


def digest(notices: Sequence[OperatorNotice], console: str | None = None) -> Message:
    """Many at once: counts, and the first of them by title."""
    counts = Counter(notice.about.value for notice in notices)
    listed = "; ".join(notice.title for notice in notices[:MOST_LISTED])
    more = f"; and {len(notices) - MOST_LISTED} more" if len(notices) > MOST_LISTED else ""
    return Message(
        title=f"Handover: {len(notices)} notices at once",
        text=f"{listed}{more}.",
        facts=tuple((about, str(count)) for about, count in counts.most_common()),
        link=_link(None, console),
    )


def as_card(message: Message) -> Json:
    """What a Teams workflow takes: a message with one Adaptive Card.

    Text stands in RichTextBlock: unlike TextBlock and FactSet it knows no Markdown, so that a name cannot be a link.
    """
    body = [
        _text(message.title, weight="Bolder", size="Medium"),
        _text(message.text),
        *[_text(f"{name}: {value}", isSubtle=True) for name, value in message.facts],
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if message.link is not None:
        words, url = message.link
        card["actions"] = [{"type": "Action.OpenUrl", "title": words, "url": url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def as_mail(message: Message) -> str:
    """The body of a mail."""
    return fill_in("notice.html", {"message": message})


def _link(case_id: str | None, console: str | None) -> tuple[str, str] | None:
    if console is None:
        return None
    return (
        ("Open the console", console)
        if case_id is None
        else ("Open the case", f"{console}/cases/{quote(case_id, safe='')}")
    )


def _text(text: str, **style: object) -> Json:
    run = {"type": "TextRun", "text": " ".join(text.split())[:_LONGEST], **style}
    return {"type": "RichTextBlock", "inlines": [run]}
