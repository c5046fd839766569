"""sendMail and Teams activity notifications."""

from typing import Any

from pydantic import ConfigDict

from local.tenant.http.request import NO_CONTENT, Body, Endpoint, GraphRequest, Reply, names
from local.tenant.model.operations import Operation


class Address(Body):
    """An address with an optional name."""

    address: str
    name: str | None = None


class Recipient(Body):
    """One recipient."""

    email_address: Address


class Content(Body):
    """The text of a mail."""

    content: str = ""
    content_type: str = "text"


class Message(Body):
    """A mail; what the tenant does not need is accepted and forgotten."""

    model_config = ConfigDict(extra="ignore")

    subject: str = ""
    body: Content = Content()
    to_recipients: tuple[Recipient, ...]


class SendMail(Body):
    """Body of sendMail."""

    message: Message
    save_to_sent_items: bool = True


class Preview(Body):
    """The preview line of an activity."""

    content: str = ""


class SendActivity(Body):
    """Body of sendActivityNotification."""

    topic: dict[str, Any]
    activity_type: str
    preview_text: Preview = Preview()
    template_parameters: tuple[dict[str, str], ...] = ()


class MailEndpoints:
    """Endpoints that send something to somebody."""

    def endpoints(self) -> list[Endpoint]:
        """The table."""
        return [
            Endpoint(
                method="POST",
                path="/users/{id}/sendMail",
                operation=Operation.SEND_MAIL,
                handle=self._send,
                about=names("user"),
            ),
            Endpoint(
                method="POST",
                path="/users/{id}/teamwork/sendActivityNotification",
                operation=Operation.SEND_ACTIVITY,
                handle=self._notify,
                about=names("user"),
            ),
        ]

    def _send(self, request: GraphRequest) -> Reply:
        message = request.body(SendMail).message
        request.tenant.mail.send(
            request.path["id"],
            to=tuple(recipient.email_address.address for recipient in message.to_recipients),
            subject=message.subject,
            body=message.body.content,
        )
        return Reply(status=202)

    def _notify(self, request: GraphRequest) -> Reply:
        body = request.body(SendActivity)
        request.tenant.mail.notify(
            request.path["id"], activity_type=body.activity_type, preview=body.preview_text.content
        )
        return NO_CONTENT
