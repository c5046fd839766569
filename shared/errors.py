"""Our exceptions, named by what happens next. Nothing vendor-specific.

HandoverError
├── RetryLater          the same step may succeed later: wait, then look again
│   └── HandshakeFailed  our own notification URL did not answer Graph
├── AccessDenied        a permission or credential is missing: a person has to mend it
├── Changed             somebody else wrote the row: reload and look again
├── AlreadyThere        the row to be created exists: reload and look again
├── ResyncNeeded         Graph no longer knows the link that we kept: begin anew, without it
├── Unreadable          what is stored is not what this version writes: leave it as it is, a person has to look
├── Unexpected          no answer to a correct request: our bug, or Graph changed; a person has to look
└── BadInput            what came in cannot be used: park it, count it, never retry it
"""

from datetime import timedelta


class HandoverError(Exception):
    """Base of every error this product raises on purpose."""


class RetryLater(HandoverError):
    """Busy, throttled or unreachable. ``after`` is the server's own wish, if it had one."""

    def __init__(self, why: str, after: timedelta | None = None, *, throttled: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.after = after
        self.throttled = throttled


class HandshakeFailed(RetryLater):
    """Graph called our notification URL and got no proper answer in time."""


class AccessDenied(HandoverError):
    """Graph or storage refused our identity; repeating cannot help."""


class Changed(HandoverError):
    """A conditional write lost: the row is not what was read."""


class AlreadyThere(HandoverError):
    """A conditional insert lost: the row exists."""


class Unreadable(HandoverError):
    """A row that another version of the product wrote, or a hand; it is left as it is, and holds up nothing else."""


class Unexpected(HandoverError):
    """Graph refused a request that should be right, or answered what was not asked; repeating cannot help."""


class ResyncNeeded(HandoverError):
    """A link to the next page or round is not good any more: what it would have told has to be found another way."""


class BadInput(HandoverError):
    """A message or request that no retry can make right. The text is safe to show: it holds no input."""
