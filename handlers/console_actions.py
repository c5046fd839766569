"""What POST does: each form of the console calls one use case, as the person who is signed in, and leads back to a page."""

import re
from collections.abc import Awaitable, Callable, Mapping

import azure.functions as func

from handlers.console_forms import fields_of, text_of, version_of
from handlers.console_pages import case_with, tenant_with
from handlers.console_visit import Visit, go_to
from shared.bootstrap import services
from shared.console.frame import Word
from shared.console.plain import sentence
from shared.domain.case import Case
from shared.domain.reasons import Reason
from shared.errors import BadInput, Changed
from shared.operate.principals import Role
from shared.operate.refusals import MOVED_MEANWHILE, NoSuchCase, NotNow
from shared.remedy.messages import could_be_case

OnACase = Callable[[Visit, str, Mapping[str, str], int], Awaitable[Case]]


async def _approve(visit: Visit, case_id: str, fields: Mapping[str, str], seen: int) -> Case:
    if fields.get("read") != "yes":
        raise BadInput("tick that you have read what an approval does")
    proposal = text_of(fields, "proposal", "the proposal")
    return await services().operate.approve(case_id, proposal, visit.who, seen=seen)


async def _reject(visit: Visit, case_id: str, fields: Mapping[str, str], seen: int) -> Case:
    return await services().operate.reject(case_id, visit.who, text_of(fields, "why", "a reason"), seen=seen)


async def _cancel(visit: Visit, case_id: str, fields: Mapping[str, str], seen: int) -> Case:
    return await services().operate.cancel(case_id, visit.who, text_of(fields, "why", "a reason"), seen=seen)


async def _retry(visit: Visit, case_id: str, fields: Mapping[str, str], seen: int) -> Case:
    return await services().operate.retry(case_id, visit.who, seen=seen)


async def _release(visit: Visit, case_id: str, fields: Mapping[str, str], seen: int) -> Case:
    return await services().operate.release(case_id, visit.who, seen=seen)


def _on_case(role: Role, do: OnACase, done: str) -> Callable[[Visit], Awaitable[func.HttpResponse]]:
    """An action on one case. When it is refused, its page is shown as it is now, with the reason."""

    async def act(visit: Visit) -> func.HttpResponse:
        visit.who.must(role)
        case_id = visit.segment
        fields = fields_of(visit)
        if not could_be_case(case_id):
            raise NoSuchCase("There is no such case.")
        try:
            case = await do(visit, case_id, fields, version_of(fields))
        except (Changed, NotNow) as refused:
            text = MOVED_MEANWHILE if isinstance(refused, Changed) else str(refused)
            return await case_with(visit, case_id, word=Word(text=text, tone="bad"), status=409)
        except BadInput as wrong:
            word = Word(text=f"{sentence(str(wrong))} Nothing was done.", tone="bad")
            return await case_with(visit, case_id, word=word, status=400)
        half = case.reason is Reason.SECOND_APPROVAL_NEEDED
        return go_to(f"/cases/{case_id}", "half" if half and done == "approved" else done)

    return act


async def set_freeze(visit: Visit) -> func.HttpResponse:
    """Freeze or thaw, if the switch still is as it was shown."""
    visit.who.must(Role.OPERATOR)
    fields = fields_of(visit)
    was, to = fields.get("was"), fields.get("frozen")
    if {was, to} != {"true", "false"}:
        raise BadInput("the form does not say whether to freeze or to thaw")
    if (await services().console.freeze.read()).frozen is not (was == "true"):
        raise Changed("Somebody else, or Handover, turned the switch a moment ago. Nothing was done; look again.")
    why = text_of(fields, "why", "a reason")
    await services().operate.set_freeze(frozen=to == "true", who=visit.who, why=why)
    return go_to("", "frozen" if to == "true" else "thawed")


async def replay(visit: Visit) -> func.HttpResponse:
    """Put a parked message on its queue again, mended if its body was changed."""
    visit.who.must(Role.OPERATOR)
    fields, parked_id = fields_of(visit), visit.segment
    # a browser sends every line of a field with CR LF
    body = fields.get("body", "").replace("\r\n", "\n")
    shown = await services().tend_parked.show(parked_id)
    same = body == str(shown["body"]).replace("\r\n", "\n")
    await services().tend_parked.replay(parked_id, body=None if same else body, who=visit.who)
    return go_to(f"/parked/{parked_id}", "replayed")


async def discard(visit: Visit) -> func.HttpResponse:
    """Forget a parked message."""
    visit.who.must(Role.OPERATOR)
    fields, parked_id = fields_of(visit), visit.segment
    await services().tend_parked.discard(parked_id, who=visit.who, why=text_of(fields, "why", "a reason"))
    return go_to(f"/parked/{parked_id}", "discarded")


async def attest(visit: Visit) -> func.HttpResponse:
    """A person's word, of today, on what no application may read."""
    visit.who.must(Role.OPERATOR)
    fields = fields_of(visit)
    groups = re.split(r"[\s,;]+", fields.get("groups", "").strip())
    try:
        if fields.get("looked") != "yes":
            raise BadInput("tick that you have looked")
        await services().attest.by_hand(
            by=visit.who.name,
            scope=fields.get("scope", ""),
            discovery_url=fields.get("discovery_url", "").strip(),
            group_ids=[group for group in groups if group],
        )
    except BadInput as wrong:
        word = Word(text=f"{sentence(str(wrong))} Nothing was written down.", tone="bad")
        return await tenant_with(visit, word=word, status=400)
    return go_to("/tenant", "attested")


Act = Callable[[Visit], Awaitable[func.HttpResponse]]

ACTIONS: tuple[tuple[tuple[str, ...], Act], ...] = (
    (("freeze",), set_freeze),
    (("cases", "*", "release"), _on_case(Role.OPERATOR, _release, "released")),
    (("cases", "*", "approve"), _on_case(Role.APPROVER, _approve, "approved")),
    (("cases", "*", "reject"), _on_case(Role.APPROVER, _reject, "rejected")),
    (("cases", "*", "cancel"), _on_case(Role.OPERATOR, _cancel, "cancelled")),
    (("cases", "*", "retry"), _on_case(Role.OPERATOR, _retry, "retried")),
    (("tenant", "attest"), attest),
    (("parked", "*", "replay"), replay),
    (("parked", "*", "discard"), discard),
)
"""Path, a segment each; * is any one segment."""
