"""The trigger table: every way the world can reach Handover. One decorated line of delegation per trigger, nothing else."""

# azure.functions leaves the type of **kwargs out of queue_trigger:
# pyright: reportUnknownMemberType=false
from typing import List  # noqa: UP035  # the worker refuses the app when a batch is declared as list[...]

import azure.functions as func

from handlers import (
    api,
    console,
    defer,
    events,
    intune_logs,
    notices,
    notifications,
    openapi,
    parked,
    report,
    schedules,
    steps,
)
from shared.settings import event_hub_is_set

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
STORAGE = "AzureWebJobsStorage"


@app.function_name("receive_notifications")
@app.route("notifications", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def receive_notifications(req: func.HttpRequest) -> func.HttpResponse:
    return await notifications.receive(req)


@app.function_name("take_device_event")
@app.queue_trigger("msg", "device-events", STORAGE)
async def take_device_event(msg: func.QueueMessage) -> None:
    await events.take_device_event(msg)


@app.function_name("take_hints")
@app.queue_trigger("msg", "hints", STORAGE)
async def take_hints(msg: func.QueueMessage) -> None:
    await events.take_hints(msg)


@app.function_name("take_case_step")
@app.queue_trigger("msg", "case-steps", STORAGE)
async def take_case_step(msg: func.QueueMessage) -> None:
    await steps.take_case_step(msg)


@app.function_name("take_wipe_step")
@app.queue_trigger("msg", "wipe-steps", STORAGE)
async def take_wipe_step(msg: func.QueueMessage) -> None:
    await steps.take_wipe_step(msg)


@app.function_name("park_device_event")
@app.queue_trigger("msg", "device-events-poison", STORAGE)
async def park_device_event(msg: func.QueueMessage) -> None:
    await events.park_device_event(msg)


@app.function_name("park_hints")
@app.queue_trigger("msg", "hints-poison", STORAGE)
async def park_hints(msg: func.QueueMessage) -> None:
    await events.park_hints(msg)


@app.function_name("give_up_case_step")
@app.queue_trigger("msg", "case-steps-poison", STORAGE)
async def give_up_case_step(msg: func.QueueMessage) -> None:
    await steps.give_up_case_step(msg)


@app.function_name("give_up_wipe_step")
@app.queue_trigger("msg", "wipe-steps-poison", STORAGE)
async def give_up_wipe_step(msg: func.QueueMessage) -> None:
    await steps.give_up_wipe_step(msg)


@app.function_name("send_notice")
@app.queue_trigger("msg", "notices", STORAGE)
async def send_notice(msg: func.QueueMessage) -> None:
    await notices.send_notice(msg)


@app.function_name("park_notice")
@app.queue_trigger("msg", "notices-poison", STORAGE)
async def park_notice(msg: func.QueueMessage) -> None:
    await notices.park_notice(msg)


@app.function_name("keep_subscriptions")
@app.timer_trigger("timer", "0 */5 * * * *")
async def keep_subscriptions(timer: func.TimerRequest) -> None:
    await schedules.keep_subscriptions(timer)


@app.function_name("supervise_cases")
@app.timer_trigger("timer", "0 */5 * * * *")
async def supervise_cases(timer: func.TimerRequest) -> None:
    await schedules.supervise_cases(timer)


@app.function_name("watch_returns")
@app.timer_trigger("timer", "0 */15 * * * *")
async def watch_returns(timer: func.TimerRequest) -> None:
    await schedules.watch_returns(timer)


@app.function_name("send_report")
@app.timer_trigger("timer", "0 0 6 * * *")
async def send_report(timer: func.TimerRequest) -> None:
    await schedules.send_report(timer)


@app.function_name("show_report")
@app.route("v1/report", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_report(req: func.HttpRequest) -> func.HttpResponse:
    return await report.show_report(req)


@app.function_name("show_deferral")
@app.route("defer/{case_id}/{code}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_deferral(req: func.HttpRequest) -> func.HttpResponse:
    return await defer.show(req)


@app.function_name("defer_wipe")
@app.route("defer/{case_id}/{code}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def defer_wipe(req: func.HttpRequest) -> func.HttpResponse:
    return await defer.put_off(req)


@app.function_name("watch_fleet")
@app.timer_trigger("timer", "0 */15 * * * *")
async def watch_fleet(timer: func.TimerRequest) -> None:
    await schedules.watch_fleet(timer)


@app.function_name("watch_wipes")
@app.timer_trigger("timer", "0 */5 * * * *")
async def watch_wipes(timer: func.TimerRequest) -> None:
    await schedules.watch_wipes(timer)


@app.function_name("sweep")
@app.timer_trigger("timer", "0 * * * * *")
async def sweep(timer: func.TimerRequest) -> None:
    await schedules.sweep(timer)


@app.function_name("show_status")
@app.route("v1/status", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_status(req: func.HttpRequest) -> func.HttpResponse:
    return await api.show_status(req)


@app.function_name("set_freeze")
@app.route("v1/freeze", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def set_freeze(req: func.HttpRequest) -> func.HttpResponse:
    return await api.set_freeze(req)


@app.function_name("list_cases")
@app.route("v1/cases", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def list_cases(req: func.HttpRequest) -> func.HttpResponse:
    return await api.list_cases(req)


@app.function_name("show_case")
@app.route("v1/cases/{case_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_case(req: func.HttpRequest) -> func.HttpResponse:
    return await api.show_case(req)


@app.function_name("approve_case")
@app.route("v1/cases/{case_id}/approve", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def approve_case(req: func.HttpRequest) -> func.HttpResponse:
    return await api.approve_case(req)


@app.function_name("reject_case")
@app.route("v1/cases/{case_id}/reject", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def reject_case(req: func.HttpRequest) -> func.HttpResponse:
    return await api.reject_case(req)


@app.function_name("cancel_case")
@app.route("v1/cases/{case_id}/cancel", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def cancel_case(req: func.HttpRequest) -> func.HttpResponse:
    return await api.cancel_case(req)


@app.function_name("retry_case")
@app.route("v1/cases/{case_id}/retry", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def retry_case(req: func.HttpRequest) -> func.HttpResponse:
    return await api.retry_case(req)


@app.function_name("show_overview")
@app.route("v1/overview", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_overview(req: func.HttpRequest) -> func.HttpResponse:
    return await api.show_overview(req)


@app.function_name("export_journals")
@app.route("v1/journals", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def export_journals(req: func.HttpRequest) -> func.HttpResponse:
    return await api.export_journals(req)


@app.function_name("show_seats")
@app.route("v1/seats", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_seats(req: func.HttpRequest) -> func.HttpResponse:
    return await api.show_seats(req)


@app.function_name("show_tenant")
@app.route("v1/tenant", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_tenant(req: func.HttpRequest) -> func.HttpResponse:
    return await api.show_tenant(req)


@app.function_name("release_case")
@app.route("v1/cases/{case_id}/release", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def release_case(req: func.HttpRequest) -> func.HttpResponse:
    return await api.release_case(req)


@app.function_name("show_openapi")
@app.route("v1/openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_openapi(req: func.HttpRequest) -> func.HttpResponse:
    return await openapi.show_openapi(req)


@app.function_name("list_parked")
@app.route("v1/parked", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def list_parked(req: func.HttpRequest) -> func.HttpResponse:
    return await parked.list_parked(req)


@app.function_name("show_parked")
@app.route("v1/parked/{parked_id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_parked(req: func.HttpRequest) -> func.HttpResponse:
    return await parked.show_parked(req)


@app.function_name("replay_parked")
@app.route("v1/parked/{parked_id}/replay", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def replay_parked(req: func.HttpRequest) -> func.HttpResponse:
    return await parked.replay_parked(req)


@app.function_name("discard_parked")
@app.route("v1/parked/{parked_id}/discard", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def discard_parked(req: func.HttpRequest) -> func.HttpResponse:
    return await parked.discard_parked(req)


@app.function_name("show_console")
@app.route("console/{*path}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_console(req: func.HttpRequest) -> func.HttpResponse:
    return await console.answer(req)


@app.function_name("measure_queues")
@app.timer_trigger("timer", "0 */5 * * * *")
async def measure_queues(timer: func.TimerRequest) -> None:
    await schedules.measure_queues(timer)


@app.function_name("look_for_drift")
@app.timer_trigger("timer", "0 20 * * * *")
async def look_for_drift(timer: func.TimerRequest) -> None:
    await schedules.look_for_drift(timer)


if event_hub_is_set():

    @app.function_name("take_intune_logs")
    @app.event_hub_message_trigger("events", "IntuneLogs", "%HANDOVER_EVENT_HUB%", cardinality=func.Cardinality.MANY)
    @app.retry("fixed_delay", "-1", delay_interval="00:00:10")
    async def take_intune_logs(events: List[func.EventHubEvent]) -> None:  # noqa: UP006  # see above
        await intune_logs.take_intune_logs(events)
