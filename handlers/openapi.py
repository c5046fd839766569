"""GET openapi.json: the API's own description."""

import azure.functions as func

from handlers.answers import Json, show


async def show_openapi(request: func.HttpRequest) -> func.HttpResponse:
    """The document, for whoever may read."""

    async def describe(_: object) -> Json:
        from handlers.openapi_document import document  # noqa: PLC0415  # a cold start of the webhook does not need it

        return document()

    return await show(request, describe)
