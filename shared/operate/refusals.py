"""Why something that a person asked for is not done. Here, and not beside what raises it, because handlers answer with it
before the rules of cases are loaded."""

from shared.errors import Changed, HandoverError

MOVED_MEANWHILE = "Somebody else, or Handover, moved this case a moment ago. Nothing was done; look again."


class NoSuchCase(HandoverError):
    """There is no case with this id."""


class NotNow(HandoverError):
    """The case is not in a state in which this can be done; the text says why."""


class Stale(Changed):
    """The person looked at an older version of the case than the one there is."""


class NothingParked(HandoverError):
    """Nothing with this id was set aside."""


class NotReplayable(HandoverError):
    """It cannot be replayed or discarded; the text says why."""
