"""Every operation of the API in one table: the OpenAPI document is made of it, and a test holds it against the triggers."""

from dataclasses import dataclass

from pydantic import BaseModel

from handlers import bodies, shapes
from shared.operate.principals import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path, by the name of its function."""

    name: str
    path: str
    says: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    role: Role = Role.READER
    on_a_case: bool = False
    """An action that names the version of the case that was seen."""
    answer: type[BaseModel] | None = None
    kinds: tuple[str, ...] = ("application/json",)

    @property
    def method(self) -> str:
        """GET shows, POST acts."""
        return "GET" if self.body is None else "POST"


def _on_case(name: str, says: str, body: type[BaseModel], role: Role) -> Operation:
    path = f"cases/{{case_id}}/{name}"
    return Operation(
        name=f"{name}_case", path=path, says=says, body=body, role=role, on_a_case=True, answer=shapes.Moved
    )


_OPERATOR, _APPROVER = Role.OPERATOR, Role.APPROVER

OPERATIONS = (
    Operation(
        name="show_status", path="status", says="Mode, freeze switch and open cases by state.", answer=shapes.Status
    ),
    Operation(
        name="show_overview",
        path="overview",
        says="The figures at a glance: open, ended this month, waiting for the caller, time to proof.",
        answer=shapes.Figures,
    ),
    Operation(
        name="list_cases",
        path="cases",
        says="A page of cases. Without a filter a page is in the order of ids; within a page the newest move is first.",
        query=bodies.ListCases,
        answer=shapes.Cases,
    ),
    Operation(
        name="show_case",
        path="cases/{case_id}",
        says="One case: its journal with the evidence, the readiness checks, and what an approval would do. "
        "The ETag is what an action has to send as If-Match.",
        answer=shapes.ShownCase,
    ),
    _on_case("approve", "Approve exactly the proposal that was shown.", bodies.Approve, _APPROVER),
    _on_case("reject", "Say no to the proposed wipe.", bodies.SayWhy, _APPROVER),
    _on_case("cancel", "End a case whose wipe has not begun.", bodies.SayWhy, _OPERATOR),
    _on_case("retry", "Let a case that needs a person go on.", bodies.Nothing, _OPERATOR),
    _on_case("release", "Let a case that waits look again now; nothing is skipped.", bodies.Nothing, _OPERATOR),
    Operation(
        name="set_freeze",
        path="freeze",
        says="Stop all wipes, or let them go on.",
        body=bodies.Freeze,
        role=_OPERATOR,
        answer=shapes.Status,
    ),
    Operation(
        name="show_report",
        path="report",
        says="What became, or would have become, of the cases of the last days.",
        query=bodies.ShowReport,
        answer=shapes.Report,
        kinds=("application/json", "text/markdown", "text/html"),
    ),
    Operation(
        name="export_journals",
        path="journals",
        says="The journals of a page of cases as JSON Lines, an entry a line. The header X-Handover-Next, if there is "
        "one, is the after of the next page.",
        query=bodies.ListCases,
        kinds=("application/jsonl",),
    ),
    Operation(
        name="show_seats",
        path="seats",
        says="Licences with their free seats, as they were read last.",
        answer=shapes.Seats,
    ),
    Operation(
        name="show_tenant",
        path="tenant",
        says="What is checked for every device, and who attested automatic enrolment.",
        answer=shapes.TenantNow,
    ),
    Operation(
        name="list_parked",
        path="parked",
        says="Messages that could not be used, oldest first, 50 to a page.",
        query=bodies.ListParked,
        answer=shapes.ParkedPage,
    ),
    Operation(
        name="show_parked",
        path="parked/{parked_id}",
        says="One of them with its body.",
        answer=shapes.ParkedWithBody,
    ),
    Operation(
        name="replay_parked",
        path="parked/{parked_id}/replay",
        says="Put it on its queue again, mended if need be.",
        body=bodies.Replay,
        role=_OPERATOR,
        answer=shapes.Parked,
    ),
    Operation(
        name="discard_parked",
        path="parked/{parked_id}/discard",
        says="It is of no use: its body is forgotten.",
        body=bodies.SayWhy,
        role=_OPERATOR,
        answer=shapes.Parked,
    ),
    Operation(name="show_openapi", path="openapi.json", says="This document."),
)
