"""Mail from the configured mailbox: one request, and what its answers mean."""

import pytest

from shared.clients.graph.mail import GraphMail
from shared.domain.effects import Done, Refused
from shared.errors import AccessDenied, RetryLater
from tests.clients.graph_wire import MAILBOX, Answering, always, error, graph_over

HTML = "<p>Zoë, your PC…</p>"


async def test_a_mail_is_handed_over_from_the_configured_mailbox_to_one_address() -> None:
    async with graph_over(always(202)) as (graph, wire):
        assert await graph.mail.send(to="zoë@contoso.example", subject="Your PC", html=HTML) == Done()
    assert [request.url.path for request in wire.requests] == [f"/v1.0/users/{MAILBOX}/sendMail"]
    assert wire.bodies == [
        {
            "message": {
                "subject": "Your PC",
                "body": {"contentType": "html", "content": HTML},
                "toRecipients": [{"emailAddress": {"address": "zoë@contoso.example"}}],
            },
            "saveToSentItems": True,
        }
    ]


@pytest.mark.parametrize("code", ["ErrorInvalidUser", "MailboxNotEnabledForRESTAPI", "ErrorInvalidRecipients"])
async def test_a_mailbox_or_an_address_that_is_not_there_is_a_refusal(code: str) -> None:
    status = 400 if code == "ErrorInvalidRecipients" else 404
    async with graph_over(error(status, code, "No.")) as (graph, _):
        assert await graph.mail.send(to="a@b.example", subject="", html="") == Refused(code=code, message="No.")


@pytest.mark.parametrize(
    ("answer", "raised"),
    [(error(403, "ErrorAccessDenied"), AccessDenied), (error(429), RetryLater), (error(503), RetryLater)],
)
async def test_trouble_is_raised(answer: Answering, raised: type[Exception]) -> None:
    async with graph_over(answer) as (graph, _):
        with pytest.raises(raised):
            await graph.mail.send(to="a@b.example", subject="", html="")


@pytest.mark.parametrize("to", ["", "a b@contoso.example", "a@contoso.example\r\nBcc: all@contoso.example", "../me"])
async def test_what_is_no_address_gets_no_mail(to: str) -> None:
    async with graph_over(always(202)) as (graph, wire):
        assert isinstance(await graph.mail.send(to=to, subject="", html=""), Refused)
    assert wire.requests == []


@pytest.mark.parametrize("sender", [None, "", "../users"])
async def test_without_a_mailbox_nothing_is_sent(sender: str | None) -> None:
    async with graph_over(always(202)) as (graph, wire):
        mail = GraphMail(graph._transport, sender)  # pyright: ignore[reportPrivateUsage]  # the same network
        assert isinstance(await mail.send(to="a@b.example", subject="", html=""), Refused)
    assert wire.requests == []
