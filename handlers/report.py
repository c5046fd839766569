"""GET report: what became, or would have become, of the cases of the last days, as JSON, Markdown or HTML."""

import json
from typing import TYPE_CHECKING

import azure.functions as func

from handlers.answers import answer_with, caller, headers_of, query_of
from handlers.bodies import ShowReport, read
from shared.bootstrap import services
from shared.operate.principals import Role

if TYPE_CHECKING:  # handlers are imported with the app, use cases when they are asked for
    from shared.operate.report import Summary

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
        asked = read(ShowReport, query_of(request))
        kind = _format(request, asked.format)
        body = _written(kind, await services().report.of_days(asked.days))
        return func.HttpResponse(body, mimetype=_FORMATS[kind], charset="utf-8", headers=_HEADERS)

    return await answer_with(show)


def _written(kind: str, summary: "Summary") -> str:
    report = services().report
    match kind:
        case "html":
            return report.write_html(summary)
        case "markdown":
            return report.write_markdown(summary)
        case _:
            return json.dumps(report.as_json(summary))


def _format(request: func.HttpRequest, named: str | None) -> str:
    if named is not None:
        return named
    accept = headers_of(request).get("accept", "").lower()
    return next((name for name, kind in _FORMATS.items() if kind in accept), "json")
