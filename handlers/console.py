"""The operator's console: one function for all its pages. Loaded at the first call, so that no other trigger pays for it."""

import azure.functions as func


async def answer(request: func.HttpRequest) -> func.HttpResponse:
    """GET shows a page or an asset, POST does what a form asks for."""
    from handlers.console_router import route  # templates and views are loaded here, not when the app starts

    return await route(request)
