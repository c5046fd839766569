"""Every trigger that the app must have, written out: whoever changes function_app.py has to change it here as well."""

import json
from collections.abc import Sequence
from typing import NamedTuple

Bindings = list[dict[str, object]]


class Trigger(NamedTuple):
    """How the world reaches one function: by which kind, and by which route, queue or schedule."""

    kind: str
    where: str
    methods: tuple[str, ...] = ()
    auth_level: str = ""


def _http(route: str, method: str, auth_level: str = "FUNCTION") -> Trigger:
    return Trigger("httpTrigger", route, (method,), auth_level)


def _queue(name: str) -> Trigger:
    return Trigger("queueTrigger", name)


def _timer(schedule: str) -> Trigger:
    return Trigger("timerTrigger", schedule)


TRIGGERS = {
    "receive_notifications": _http("notifications", "POST", "ANONYMOUS"),
    "take_device_event": _queue("device-events"),
    "take_hints": _queue("hints"),
    "take_case_step": _queue("case-steps"),
    "take_wipe_step": _queue("wipe-steps"),
    "park_device_event": _queue("device-events-poison"),
    "park_hints": _queue("hints-poison"),
    "give_up_case_step": _queue("case-steps-poison"),
    "give_up_wipe_step": _queue("wipe-steps-poison"),
    "send_notice": _queue("notices"),
    "park_notice": _queue("notices-poison"),
    "keep_subscriptions": _timer("0 */5 * * * *"),
    "supervise_cases": _timer("0 */5 * * * *"),
    "watch_returns": _timer("0 */15 * * * *"),
    "send_report": _timer("0 0 6 * * *"),
    "show_report": _http("v1/report", "GET", "ANONYMOUS"),
    "show_deferral": _http("defer/{case_id}/{code}", "GET", "ANONYMOUS"),
    "defer_wipe": _http("defer/{case_id}/{code}", "POST", "ANONYMOUS"),
    "sweep": _timer("0 * * * * *"),
    "watch_fleet": _timer("0 */15 * * * *"),
    "watch_wipes": _timer("0 */5 * * * *"),
    "show_status": _http("v1/status", "GET", "ANONYMOUS"),
    "set_freeze": _http("v1/freeze", "POST", "ANONYMOUS"),
    "list_cases": _http("v1/cases", "GET", "ANONYMOUS"),
    "show_case": _http("v1/cases/{case_id}", "GET", "ANONYMOUS"),
    "approve_case": _http("v1/cases/{case_id}/approve", "POST", "ANONYMOUS"),
    "reject_case": _http("v1/cases/{case_id}/reject", "POST", "ANONYMOUS"),
    "cancel_case": _http("v1/cases/{case_id}/cancel", "POST", "ANONYMOUS"),
    "retry_case": _http("v1/cases/{case_id}/retry", "POST", "ANONYMOUS"),
    "show_overview": _http("v1/overview", "GET", "ANONYMOUS"),
    "export_journals": _http("v1/journals", "GET", "ANONYMOUS"),
    "show_seats": _http("v1/seats", "GET", "ANONYMOUS"),
    "show_tenant": _http("v1/tenant", "GET", "ANONYMOUS"),
    "release_case": _http("v1/cases/{case_id}/release", "POST", "ANONYMOUS"),
    "show_openapi": _http("v1/openapi.json", "GET", "ANONYMOUS"),
    "list_parked": _http("v1/parked", "GET", "ANONYMOUS"),
    "show_parked": _http("v1/parked/{parked_id}", "GET", "ANONYMOUS"),
    "replay_parked": _http("v1/parked/{parked_id}/replay", "POST", "ANONYMOUS"),
    "discard_parked": _http("v1/parked/{parked_id}/discard", "POST", "ANONYMOUS"),
    "show_console": Trigger("httpTrigger", "console/{*path}", ("GET", "POST"), "ANONYMOUS"),
    "measure_queues": _timer("0 */5 * * * *"),
    "look_for_drift": _timer("0 20 * * * *"),
}
WITH_EVENT_HUB = {**TRIGGERS, "take_intune_logs": Trigger("eventHubTrigger", "%HANDOVER_EVENT_HUB%")}
"""What it has when the name of an Event Hub is set."""


def bindings(raw: Sequence[str]) -> Bindings:
    """Bindings as the worker reports them to the host: the content of a function.json."""
    return [json.loads(text) for text in raw]


def bindings_of(trigger: Trigger) -> Bindings:
    """Everything that a function with this trigger is bound to, and nothing else: no outputs, no further inputs."""
    match trigger:
        case Trigger("httpTrigger", route, methods, auth_level):
            incoming = {"name": "req", "route": route, "methods": list(methods), "authLevel": auth_level}
            return [
                {"direction": "IN", "type": "httpTrigger", **incoming},
                {"direction": "OUT", "type": "http", "name": "$return"},
            ]
        case Trigger("queueTrigger", queue):
            incoming = {"name": "msg", "queueName": queue, "connection": "AzureWebJobsStorage"}
            return [{"direction": "IN", "type": "queueTrigger", **incoming}]
        case Trigger("eventHubTrigger", hub):
            incoming = {"name": "events", "connection": "IntuneLogs", "eventHubName": hub, "cardinality": "MANY"}
            return [{"direction": "IN", "type": "eventHubTrigger", **incoming}]
        case Trigger(kind, schedule):
            return [{"direction": "IN", "type": kind, "name": "timer", "schedule": schedule}]
