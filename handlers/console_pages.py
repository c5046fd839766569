"""What GET shows: each page of the console from the reads of its use cases."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from handlers.bodies import MOST_DAYS
from handlers.console_visit import Glance, Visit, page
from shared.bootstrap import services
from shared.console.actions import deeds
from shared.console.case_list import asked_by, list_page, read_filters
from shared.console.case_page import case_page
from shared.console.frame import Word, done
from shared.console.overview import overview_page
from shared.console.parked_page import message_page, parked_page
from shared.console.report_page import report_page
from shared.console.tenant_page import tenant_page
from shared.errors import BadInput
from shared.operate.parked_input import SOURCES
from shared.operate.refusals import NoSuchCase
from shared.remedy.messages import could_be_case


async def overview(visit: Visit) -> func.HttpResponse:
    """Mode, switches, budgets, counts, and what waits for a person."""
    numbers = await services().console.numbers.read(visit.who)
    shown = overview_page(numbers, visit.who, visit.times)
    glance = Glance(freeze=numbers.freeze, waiting=numbers.waiting_for(visit.who))
    return await page(visit, "overview.html", glance=glance, page=shown, word=done(visit.query.get("done", "")))


async def cases(visit: Visit) -> func.HttpResponse:
    """The list, as the address filters it."""
    filters, wrong = read_filters(visit.query)
    found, after = await services().search.find(asked_by(filters))
    shown = list_page(found, filters, after=after, times=visit.times)
    return await page(visit, "cases.html", page=shown, word=Word(text=wrong, tone="you") if wrong else None)


async def case(visit: Visit) -> func.HttpResponse:
    """One case."""
    return await case_with(visit, visit.segment, word=done(visit.query.get("done", "")))


async def case_with(visit: Visit, case_id: str, *, word: Word | None = None, status: int = 200) -> func.HttpResponse:
    """One case as it is now, with a word on what was tried. Raises NoSuchCase."""
    seen = await services().console.see_case.see(case_id) if could_be_case(case_id) else None
    if seen is None:
        raise NoSuchCase("There is no such case.")
    shown = case_page(seen, visit.times)
    can = deeds(seen, visit.who, visit.times)
    return await page(visit, "case.html", status=status, word=word, page=shown, deeds=can)


async def report(visit: Visit) -> func.HttpResponse:
    """The report of the last days."""
    asked = visit.query.get("days", "7")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 3 and 1 <= int(asked) <= MOST_DAYS):
        raise BadInput(f"days must be a number from 1 to {MOST_DAYS}")
    summary, whole = await services().report.latest(int(asked))
    return await page(visit, "report.html", page=report_page(summary, int(asked), visit.times, whole=whole))


async def parked(visit: Visit) -> func.HttpResponse:
    """What was set aside."""
    source, settled = visit.query.get("source", ""), visit.query.get("settled") == "true"
    found = await services().tend_parked.list(
        source=source or None, after=visit.query.get("after", ""), settled=settled
    )
    shown = parked_page(found, SOURCES, source=source, settled=settled, times=visit.times)
    return await page(visit, "parked.html", page=shown)


async def message(visit: Visit) -> func.HttpResponse:
    """One message that was set aside."""
    found = await services().tend_parked.show(visit.segment)
    shown = message_page(found, visit.who, visit.times)
    return await page(visit, "parked_message.html", page=shown, word=done(visit.query.get("done", "")))


async def tenant(visit: Visit) -> func.HttpResponse:
    """The tenant as it was read last, or is read now."""
    return await tenant_with(visit, word=done(visit.query.get("done", "")))


async def tenant_with(visit: Visit, *, word: Word | None = None, status: int = 200) -> func.HttpResponse:
    """The tenant, with a word on what was tried."""
    shown = tenant_page(
        await services().console.see_tenant.see(),
        word=await services().attest.show(),
        drift=await services().show_drift.show(),
        policy=services().look.policy.as_of(visit.times.now),
        who=visit.who,
        times=visit.times,
    )
    return await page(visit, "tenant.html", status=status, word=word, page=shown)


Show = Callable[[Visit], Awaitable[func.HttpResponse]]

PAGES: tuple[tuple[tuple[str, ...], Show], ...] = (
    ((), overview),
    (("cases",), cases),
    (("cases", "*"), case),
    (("report",), report),
    (("parked",), parked),
    (("parked", "*"), message),
    (("tenant",), tenant),
)
"""Path, a segment each; * is any one segment."""
