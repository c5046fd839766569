"""GET report: what became, or would have become, of the cases of the last days, as JSON, Markdown or HTML."""

import json
from collections.abc import Mapping
from typing import cast

import azure.functions as func

from handlers.answers import answer_with, caller
from shared.bootstrap import services
from shared.errors import BadInput
from shared.operate.principals import Role
from shared.operate.report import Summary, as_json

MOST_DAYS = 92
_FORMATS = {"json": "application/json", "markdown": "text/markdown", "html": "text/html"}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}


async def show_report(request: func.HttpRequest) -> func.HttpResponse:
    """``days`` (1 to 92, default 7) and ``format`` (json, markdown, html; else what Accept asks for, else json)."""

    async def show() -> func.HttpResponse:
        caller(request).must(Role.READER)
        kind, days = _format(request), _days(request)
        summary = await services().report.of_days(days)
        body = _written(kind, summary)
        return func.HttpResponse(body, mimetype=_FORMATS[kind], charset="utf-8", headers=_HEADERS)

    return await answer_with(show)


def _written(kind: str, summary: Summary) -> str:
    report = services().report
    match kind:
        case "html":
            return report.write_html(summary)
        case "markdown":
            return report.write_markdown(summary)
        case _:
            return json.dumps(as_json(summary))


def _format(request: func.HttpRequest) -> str:
    asked = request.params.get("format")
    if asked is not None:
        if asked not in _FORMATS:
            raise BadInput(f'"format" must be one of {", ".join(_FORMATS)}')
        return asked
    accept = cast("Mapping[str, str]", request.headers).get("accept", "").lower()
    return next((name for name, kind in _FORMATS.items() if kind in accept), "json")


def _days(request: func.HttpRequest) -> int:
    asked = request.params.get("days", "7")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 3 and 1 <= int(asked) <= MOST_DAYS):
        raise BadInput(f'"days" must be a number from 1 to {MOST_DAYS}')
    return int(asked)
