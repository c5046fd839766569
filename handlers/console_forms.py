"""What a form sent: its fields, and whether it came from a page of ours, shown to this person."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from handlers.console_visit import Visit
from shared.bootstrap import services
from shared.console.tokens import token_fits
from shared.errors import BadInput, HandoverError

MOST_BYTES = 200_000
"""A parked message has 30,000 characters at most; each may take several bytes, and escaped three times as many."""
_FORM = "application/x-www-form-urlencoded"


class Forged(HandoverError):
    """The form did not come from a page that was shown to this person."""


def fields_of(visit: Visit) -> Mapping[str, str]:
    """The fields. Raises Forged for a form of another site, or an old one; BadInput for what is no form."""
    _check_origin(visit)
    body = visit.request.get_body()
    if len(body) > MOST_BYTES:
        raise BadInput("the form is too large")
    if not visit.headers.get("content-type", "").lower().startswith(_FORM):
        raise BadInput("this is not a form")
    try:
        sent = parse_qs(body.decode("utf-8"), keep_blank_values=True, strict_parsing=False, max_num_fields=20)
    except ValueError as error:
        raise BadInput("the form cannot be read") from error
    fields = {name: values[0] for name, values in sent.items()}
    if not token_fits(fields.get("token", ""), visit.key, visit.who.id, visit.times.now):
        raise Forged("This form is not from a page that was shown to you today. Open the page again; nothing was done.")
    return fields


def _check_origin(visit: Visit) -> None:
    """The browser's own word on where the form came from. One that says nothing is not believed."""
    headers = visit.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    ours = site in (None, "same-origin") and (origin is None or urlsplit(origin).netloc.lower() in _hosts(visit))
    if not ours or (site is None and origin is None):
        raise Forged("This form came from another site. Nothing was done.")


def _hosts(visit: Visit) -> set[str]:
    """Under which names this app may have been called."""
    app_url = services().console.app_url
    named = (urlsplit(visit.request.url).netloc, visit.headers.get("host", ""), urlsplit(app_url or "").netloc)
    return {name.lower() for name in named if name}


def text_of(fields: Mapping[str, str], name: str, what: str) -> str:
    """A field that has to be filled in. Raises BadInput."""
    value = fields.get(name, "").strip()
    if not value or len(value) > 500:
        raise BadInput(f"{what} must be given, in 500 characters at most")
    return value


def version_of(fields: Mapping[str, str]) -> int:
    """The version of the case that the person looked at. Raises BadInput."""
    value = fields.get("version", "")
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise BadInput("the form does not say which version of the case it is about")
    return int(value)
