"""The JSON API for people and scripts, under /api/v1. Errors are problem documents (RFC 9457)."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import azure.functions as func

from shared.bootstrap import services
from shared.errors import BadInput, Changed, HandoverError, RetryLater
from shared.intake.parked_input import NothingParked, NotReplayable
from shared.operate.act import NoSuchCase, NotNow
from shared.remedy.messages import could_be_case

log = logging.getLogger(__name__)

Json = dict[str, Any]


async def show_status(request: func.HttpRequest) -> func.HttpResponse:
    """GET status: mode, freeze switch, open cases by state."""
    return await _answer(services().look.status)


async def list_cases(request: func.HttpRequest) -> func.HttpResponse:
    """GET cases: open ones and those that ended this month."""
    return await _answer(services().look.list)


async def show_case(request: func.HttpRequest) -> func.HttpResponse:
    """GET cases/{id}: the case, its journal, and what an approval would do."""

    async def show() -> Json:
        found = await services().look.case(_case_id(request))
        if found is None:
            raise NoSuchCase(f"There is no case {_case_id(request)}.")
        return found

    return await _answer(show)


async def approve_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/approve {"proposal": ..., "by": ...}."""

    async def approve() -> Json:
        fields = _fields(request)
        return _moved(
            await services().operate.approve(_case_id(request), _word(fields, "proposal"), _who(request, fields))
        )

    return await _answer(approve)


async def reject_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/reject {"why": ..., "by": ...}."""

    async def reject() -> Json:
        fields = _fields(request)
        return _moved(await services().operate.reject(_case_id(request), _who(request, fields), _word(fields, "why")))

    return await _answer(reject)


async def cancel_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/cancel {"why": ..., "by": ...}."""

    async def cancel() -> Json:
        fields = _fields(request)
        return _moved(await services().operate.cancel(_case_id(request), _who(request, fields), _word(fields, "why")))

    return await _answer(cancel)


async def retry_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/retry {"by": ...}."""

    async def retry() -> Json:
        return _moved(await services().operate.retry(_case_id(request), _who(request, _fields(request))))

    return await _answer(retry)


async def list_parked(request: func.HttpRequest) -> func.HttpResponse:
    """GET parked?source=...&settled=true&after=...: messages that could not be used, oldest first, 50 to a page."""

    async def list_them() -> Json:
        asked = cast("Mapping[str, str]", request.params)
        settled = asked.get("settled", "false")
        if settled not in ("true", "false"):
            raise BadInput("settled must be true or false")
        return await services().tend_parked.list(
            source=asked.get("source"), after=asked.get("after", ""), settled=settled == "true"
        )

    return await _answer(list_them)


async def show_parked(request: func.HttpRequest) -> func.HttpResponse:
    """GET parked/{id}: one of them, with its body."""
    return await _answer(lambda: services().tend_parked.show(_parked_id(request)))


async def replay_parked(request: func.HttpRequest) -> func.HttpResponse:
    """POST parked/{id}/replay {"by": ..., "body": ...}: the body, a text or a JSON object, only if it had to be mended."""

    async def replay() -> Json:
        fields = _fields(request)
        body = fields.get("body")
        if isinstance(body, dict):
            body = json.dumps(body)
        if body is not None and not isinstance(body, str):
            raise BadInput('"body" must be a text or a JSON object')
        return await services().tend_parked.replay(_parked_id(request), body=body, who=_who(request, fields))

    return await _answer(replay)


async def discard_parked(request: func.HttpRequest) -> func.HttpResponse:
    """POST parked/{id}/discard {"why": ..., "by": ...}."""

    async def discard() -> Json:
        fields = _fields(request)
        return await services().tend_parked.discard(
            _parked_id(request), who=_who(request, fields), why=_word(fields, "why")
        )

    return await _answer(discard)


async def set_freeze(request: func.HttpRequest) -> func.HttpResponse:
    """POST freeze {"frozen": true|false, "why": ..., "by": ...}."""

    async def set_switch() -> Json:
        fields = _fields(request)
        frozen = fields.get("frozen")
        if not isinstance(frozen, bool):
            raise BadInput('"frozen" must be true or false')
        await services().operate.set_freeze(frozen=frozen, who=_who(request, fields), why=_word(fields, "why"))
        return await services().look.status()

    return await _answer(set_switch)


async def _answer(use_case: Callable[[], Awaitable[Json]]) -> func.HttpResponse:
    async def respond() -> func.HttpResponse:
        return _json(200, await use_case())

    return await answer_with(respond)


async def answer_with(respond: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """The response, or a problem document when it could not be made."""
    try:
        return await respond()
    except BadInput as error:
        return _problem(400, "Bad request", str(error))
    except NoSuchCase as error:
        return _problem(404, "No such case", str(error))
    except NothingParked as error:
        return _problem(404, "Not found", str(error))
    except (NotNow, NotReplayable, Changed) as error:
        return _problem(409, "Not possible now", str(error))
    except RetryLater:
        return _problem(503, "Try again later", "Storage or Microsoft Graph is not available.")
    except HandoverError as error:
        log.error("api.failed", exc_info=error)
        return _problem(500, "Not possible", "Handover cannot do this; its log says why.")


def _json(status: int, document: Json, kind: str = "application/json") -> func.HttpResponse:
    return func.HttpResponse(json.dumps(document), status_code=status, mimetype=kind)


def _problem(status: int, title: str, detail: str) -> func.HttpResponse:
    return _json(status, {"status": status, "title": title, "detail": detail}, "application/problem+json")


def _moved(case: Any) -> Json:
    return {"id": case.id, "state": case.state.value, "version": case.version, "says": case.says}


def _case_id(request: func.HttpRequest) -> str:
    """The id in the route. Raises NoSuchCase for a text that no case can have as its id."""
    case_id = request.route_params.get("case_id", "")
    if not could_be_case(case_id):
        raise NoSuchCase("There is no case with this id.")
    return case_id


def _parked_id(request: func.HttpRequest) -> str:
    return request.route_params.get("parked_id", "")


def _fields(request: func.HttpRequest) -> Mapping[str, object]:
    try:
        document: object = request.get_json()
    except (ValueError, RecursionError) as error:
        raise BadInput("the body is not JSON") from error
    if not isinstance(document, dict):
        raise BadInput("the body is not a JSON object")
    return cast("dict[str, object]", document)


def _word(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > 500 or not _is_unicode(value):
        raise BadInput(f'"{name}" must be a text of 1 to 500 characters')
    return value.strip()


def _is_unicode(text: str) -> bool:
    """False for half a character, which JSON can spell and nothing can store."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _who(request: func.HttpRequest, fields: Mapping[str, object]) -> str:
    """The signed-in person as App Service Authentication names them; without it, the name that the caller gives."""
    name = "x-ms-client-principal-name"
    headers = cast("Mapping[str, str]", request.headers)
    return _word(headers, name) if headers.get(name) else _word(fields, "by")
