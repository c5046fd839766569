"""Mail from the configured mailbox. The permission Mail.Send covers every mailbox; Exchange can restrict it to this one."""

from shared.clients.graph.transport import Transport
from shared.clients.graph.values import is_user_key
from shared.domain.effects import Answer, Refused


class GraphMail:
    """The port Mail over Graph."""

    def __init__(self, transport: Transport, sender: str | None) -> None:
        """``sender`` is the UPN or the id of the mailbox; None refuses every mail."""
        self._transport = transport
        self._sender = sender

    async def send(self, *, to: str, subject: str, html: str) -> Answer:
        """See the port. Raises RetryLater, AccessDenied or Unexpected.

        A message has one body; Exchange adds the plain text to it. It is kept in the mailbox's sent items.
        """
        if self._sender is None or not is_user_key(self._sender):
            return Refused(code="no_mailbox", message="HANDOVER_MAIL_FROM names no mailbox")
        if not is_user_key(to):
            return Refused(code="no_address", message="the recipient has no mail address")
        builder = self._transport.v1.users.by_user_id(self._sender).send_mail
        message = {
            "subject": subject,
            "body": {"contentType": "html", "content": html},
            "toRecipients": ({"emailAddress": {"address": to}},),
        }
        return await self._transport.write("mail.send", "POST", builder, {"message": message, "saveToSentItems": True})
