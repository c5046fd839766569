"""The JSON API for people and scripts, under /api/v1: cases and the switch. GET shows, POST acts."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import azure.functions as func

from handlers.answers import Json, act, answer_with, caller, etag_of, need_own_header, query_of, seen_version, show
from handlers.bodies import Approve, Freeze, ListCases, M, Nothing, SayWhy, read
from shared.bootstrap import services
from shared.operate.asked import Asked
from shared.operate.principals import Principal, Role
from shared.operate.refusals import NoSuchCase
from shared.remedy.messages import could_be_case

if TYPE_CHECKING:  # handlers are imported with the app, use cases and what they know when they are asked for
    from shared.domain.case import Case

NEXT = "X-Handover-Next"
"""Of an export: the ``after`` of its next page."""


async def show_status(request: func.HttpRequest) -> func.HttpResponse:
    """GET status: mode, freeze switch, open cases by state."""
    return await show(request, lambda _: services().look.status())


async def show_overview(request: func.HttpRequest) -> func.HttpResponse:
    """GET overview: what there is, what ended this month, what waits for the caller; from kept counters."""
    return await show(request, services().overview.show)


async def list_cases(request: func.HttpRequest) -> func.HttpResponse:
    """GET cases?which=...&state=...&reason=...&serial=...&device=...&user=...&month=...&after=...&most=..."""
    return await show(request, lambda _: services().search.page(_asked(request)))


async def show_case(request: func.HttpRequest) -> func.HttpResponse:
    """GET cases/{id}: the case, its journal, and what an approval would do. Its ETag is what an action has to match."""

    async def look(_: Principal) -> Json:
        found = await services().look.case(_case_id(request))
        if found is None:
            raise NoSuchCase(f"There is no case {_case_id(request)}.")
        return found

    return await show(request, look, etag=lambda found: etag_of(found["case"]["version"]))


async def export_journals(request: func.HttpRequest) -> func.HttpResponse:
    """GET journals, asked for like cases: an entry a line (JSON Lines); the header X-Handover-Next says how to go on."""

    async def respond() -> func.HttpResponse:
        caller(request).must(Role.READER)
        lines, following = await services().export.journals(_asked(request))
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if following is not None:
            headers[NEXT] = following
        return func.HttpResponse(lines, mimetype="application/jsonl", charset="utf-8", headers=headers)

    return await answer_with(respond)


async def approve_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/approve {"proposal": ...}."""
    return await _act_on_case(
        request,
        Role.APPROVER,
        Approve,
        lambda case_id, who, said, seen: services().operate.approve(case_id, said.proposal, who, seen=seen),
    )


async def reject_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/reject {"why": ...}."""
    return await _act_on_case(
        request,
        Role.APPROVER,
        SayWhy,
        lambda case_id, who, said, seen: services().operate.reject(case_id, who, said.why, seen=seen),
    )


async def cancel_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/cancel {"why": ...}."""
    return await _act_on_case(
        request,
        Role.OPERATOR,
        SayWhy,
        lambda case_id, who, said, seen: services().operate.cancel(case_id, who, said.why, seen=seen),
    )


async def retry_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/retry {}."""
    return await _act_on_case(
        request,
        Role.OPERATOR,
        Nothing,
        lambda case_id, who, _, seen: services().operate.retry(case_id, who, seen=seen),
    )


async def release_case(request: func.HttpRequest) -> func.HttpResponse:
    """POST cases/{id}/release {}: a case that waits looks again now."""
    return await _act_on_case(
        request,
        Role.OPERATOR,
        Nothing,
        lambda case_id, who, _, seen: services().operate.release(case_id, who, seen=seen),
    )


async def set_freeze(request: func.HttpRequest) -> func.HttpResponse:
    """POST freeze {"frozen": true|false, "why": ...}."""

    async def set_switch(who: Principal, said: Freeze) -> Json:
        need_own_header(request)
        await services().operate.set_freeze(frozen=said.frozen, who=who, why=said.why)
        return await services().look.status()

    return await act(request, Role.OPERATOR, Freeze, set_switch)


async def show_seats(request: func.HttpRequest) -> func.HttpResponse:
    """GET seats: the tenant's licences, as they were read last."""
    return await show(request, lambda _: services().tenant.seats())


async def show_tenant(request: func.HttpRequest) -> func.HttpResponse:
    """GET tenant: what is checked for every device, and who attested automatic enrolment."""
    return await show(request, lambda _: services().tenant.readiness())


async def _act_on_case(
    request: func.HttpRequest, role: Role, model: type[M], do: "Callable[[str, Principal, M, int], Awaitable[Case]]"
) -> func.HttpResponse:
    """Do it for somebody who says which version of the case they saw."""

    async def done(who: Principal, said: M) -> Json:
        case = await do(_case_id(request), who, said, seen_version(request))
        return {"id": case.id, "state": case.state.value, "version": case.version, "says": case.says}

    return await act(request, role, model, done)


def _asked(request: func.HttpRequest) -> Asked:
    given = read(ListCases, query_of(request))
    return Asked(**{name: getattr(given, name) for name in ListCases.model_fields})


def _case_id(request: func.HttpRequest) -> str:
    """The id in the route. Raises NoSuchCase for a text that no case can have as its id."""
    case_id = request.route_params.get("case_id", "")
    if not could_be_case(case_id):
        raise NoSuchCase("There is no case with this id.")
    return case_id
