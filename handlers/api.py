"""The JSON API for people and scripts, under /api/v1: cases and the switch. GET shows, POST acts."""

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Protocol

import azure.functions as func

from handlers.answers import Json, act, etag_of, need_own_header, seen_version, show, word
from shared.bootstrap import services
from shared.errors import BadInput
from shared.operate.principals import Principal, Role
from shared.operate.refusals import NoSuchCase
from shared.remedy.messages import could_be_case

if TYPE_CHECKING:  # handlers are imported with the app, use cases and what they know when they are asked for
    from shared.domain.case import Case


class _OnACase(Protocol):
    """What is done to one case by somebody who saw this version of it."""

    def __call__(
        self, case_id: str, who: Principal, fields: Mapping[str, object], seen: int, /
    ) -> "Awaitable[Case]": ...


async def show_status(request: func.HttpRequest) -> func.HttpResponse:
    """GET status: mode, freeze switch, open cases by state."""
    return await show(request, services().look.status)


async def list_cases(request: func.HttpRequest) -> func.HttpResponse:
    """GET cases: open ones and those that ended this month."""
    return await show(request, services().look.list)


async def show_case(request: func.HttpRequest) -> func.HttpResponse:
    """GET cases/{id}: the case, its journal, and what an approval would do. Its ETag is what an action has to match."""

    async def read() -> Json:
        found = await services().look.case(_case_id(request))
        if found is None:
            raise NoSuchCase(f"There is no case {_case_id(request)}.")
        return found

    return await show(request, read, etag=lambda found: etag_of(found["case"]["version"]))


async def approve_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/approve {"proposal": ...}."""

    def approve(case_id: str, who: Principal, fields: Mapping[str, object], seen: int) -> "Awaitable[Case]":
        return services().operate.approve(case_id, word(fields, "proposal"), who, seen=seen)

    return await _act_on_case(request, Role.APPROVER, approve)


async def reject_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/reject {"why": ...}."""

    def reject(case_id: str, who: Principal, fields: Mapping[str, object], seen: int) -> "Awaitable[Case]":
        return services().operate.reject(case_id, who, word(fields, "why"), seen=seen)

    return await _act_on_case(request, Role.APPROVER, reject)


async def cancel_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/cancel {"why": ...}."""

    def cancel(case_id: str, who: Principal, fields: Mapping[str, object], seen: int) -> "Awaitable[Case]":
        return services().operate.cancel(case_id, who, word(fields, "why"), seen=seen)

    return await _act_on_case(request, Role.OPERATOR, cancel)


async def retry_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/retry {}."""

    def retry(case_id: str, who: Principal, fields: Mapping[str, object], seen: int) -> "Awaitable[Case]":
        return services().operate.retry(case_id, who, seen=seen)

    return await _act_on_case(request, Role.OPERATOR, retry)


async def set_freeze(request: func.HttpRequest) -> func.HttpResponse:
    """POST freeze {"frozen": true|false, "why": ...}."""

    async def set_switch(who: Principal, fields: Mapping[str, object]) -> Json:
        need_own_header(request)
        frozen = fields.get("frozen")
        if not isinstance(frozen, bool):
            raise BadInput('"frozen" must be true or false')
        await services().operate.set_freeze(frozen=frozen, who=who, why=word(fields, "why"))
        return await services().look.status()

    return await act(request, Role.OPERATOR, set_switch)


async def _act_on_case(request: func.HttpRequest, role: Role, do: _OnACase) -> func.HttpResponse:
    async def done(who: Principal, fields: Mapping[str, object]) -> Json:
        case = await do(_case_id(request), who, fields, seen_version(request))
        return {"id": case.id, "state": case.state.value, "version": case.version, "says": case.says}

    return await act(request, role, done)


def _case_id(request: func.HttpRequest) -> str:
    """The id in the route. Raises NoSuchCase for a text that no case can have as its id."""
    case_id = request.route_params.get("case_id", "")
    if not could_be_case(case_id):
        raise NoSuchCase("There is no case with this id.")
    return case_id
