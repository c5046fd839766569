"""A tiny v2 app with one function of each kind that the development host runs."""

import json

import azure.functions as func

app = func.FunctionApp()


@app.route(route="hello/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def hello(req: func.HttpRequest) -> func.HttpResponse:
    """Greets the name in the route."""
    return func.HttpResponse(json.dumps({"hello": req.route_params["name"]}), mimetype="application/json")


@app.route(route="orders", methods=["POST"])
@app.queue_output(arg_name="order", queue_name="orders", connection="Storage")
async def take_order(req: func.HttpRequest, order: func.Out[str]) -> func.HttpResponse:
    """Puts the request's body on the queue."""
    order.set(req.get_body().decode())
    return func.HttpResponse(status_code=202)


@app.queue_trigger(arg_name="order", queue_name="orders", connection="Storage")
@app.queue_output(arg_name="receipt", queue_name="%RECEIPTS%", connection="Storage")
async def fill_order(order: func.QueueMessage, receipt: func.Out[str]) -> None:
    """Writes a receipt for the order, and then raises if the order is for nothing."""
    receipt.set(f"receipt for {order.get_body().decode()}")
    if order.get_body() == b"nothing":
        raise ValueError("an order for nothing")


@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def close_day(timer: func.TimerRequest) -> None:
    """Does nothing, every hour."""
