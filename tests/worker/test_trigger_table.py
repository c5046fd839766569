"""The trigger table of function_app.py, read the way the worker library reads it."""

from pathlib import Path

import azure.functions as func
import pytest

import function_app
from local.host.app import HttpTrigger, QueueTrigger, TimerTrigger, load
from shared.bootstrap import install
from shared.names import QUEUES
from tests.fakes.world import World
from tests.handlers.arguments import request
from tests.worker.triggers import TRIGGERS, WITH_EVENT_HUB, Trigger, bindings, bindings_of

REPOSITORY = Path(__file__).parents[2]
FUNCTIONS: dict[str, func.Function] = {
    str(function.get_function_name()): function for function in function_app.app.get_functions()
}


def queues_with_a_trigger() -> list[str]:
    return [trigger.where for trigger in TRIGGERS.values() if trigger.kind == "queueTrigger"]


def test_the_app_has_exactly_these_functions() -> None:
    assert set(FUNCTIONS) == set(TRIGGERS)


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_function_is_bound_to_its_trigger_and_to_nothing_else(name: str) -> None:
    assert bindings(FUNCTIONS[name].get_raw_bindings()) == bindings_of(TRIGGERS[name])


@pytest.mark.parametrize("name", TRIGGERS)
def test_no_function_has_a_retry_policy(name: str) -> None:
    """A failing queue message is the queue's to try again; a policy on top would multiply the attempts."""
    assert not FUNCTIONS[name].get_settings_dict("retry_policy")


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_function_has_the_name_of_its_python_function(name: str) -> None:
    assert FUNCTIONS[name].get_user_function().__name__ == name


OPEN_TO_EVERYBODY = {"receive_notifications", "show_deferral", "defer_wipe"}


@pytest.mark.parametrize("name", [name for name, trigger in TRIGGERS.items() if trigger.kind == "httpTrigger"])
async def test_only_the_webhook_and_the_link_in_a_mail_answer_somebody_who_is_not_signed_in(name: str) -> None:
    """No function key stands before any of them: the app itself refuses who is nobody, before it reads anything."""
    assert TRIGGERS[name].auth_level == "ANONYMOUS"
    world = World()  # nobody is played, and no platform signs anybody in
    install(world.services)
    try:
        world.rows.away = True
        answered = await FUNCTIONS[name].get_user_function()(request(method=TRIGGERS[name].methods[0]))
    finally:
        install(None)
    assert (answered.status_code == 401) is (name not in OPEN_TO_EVERYBODY)


def test_every_queue_has_its_trigger_and_its_poison_twin() -> None:
    expected = [*QUEUES, *(f"{queue}-poison" for queue in QUEUES)]
    assert sorted(queues_with_a_trigger()) == sorted(expected)


def test_no_two_functions_share_a_queue_or_a_route() -> None:
    places = [(t.kind, t.where, t.methods) for t in TRIGGERS.values() if t.kind != "timerTrigger"]
    assert len(places) == len(set(places))


def test_the_development_host_runs_the_same_functions_by_the_same_triggers() -> None:
    listed: dict[str, Trigger] = {}
    for function in load(REPOSITORY, {}):
        match function.trigger:
            case HttpTrigger(route=route, methods=methods, auth_level=level):
                listed[function.name] = Trigger("httpTrigger", route, tuple(sorted(methods)), level)
            case QueueTrigger(queue=queue):
                listed[function.name] = Trigger("queueTrigger", queue)
            case TimerTrigger(schedule=schedule):
                listed[function.name] = Trigger("timerTrigger", schedule)
            case None:
                raise AssertionError(f"{function.name} is not run: {function.not_run}")
        assert function.outputs == [], function.name
    assert listed == TRIGGERS


def test_with_an_event_hub_there_is_one_function_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The development host has no Event Hubs: it knows the function, and says why it does not run it."""
    monkeypatch.setenv("HANDOVER_EVENT_HUB", "intune-logs")
    functions = {function.name: function for function in load(REPOSITORY, {})}
    assert set(functions) == set(WITH_EVENT_HUB)
    assert functions["take_intune_logs"].not_run == "eventHubTrigger is not supported here"


@pytest.mark.parametrize("name", ["", "  "])
def test_an_event_hub_without_a_name_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HANDOVER_EVENT_HUB", name)
    assert {function.name for function in load(REPOSITORY, {})} == set(TRIGGERS)
