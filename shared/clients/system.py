"""The ports that the machine itself answers: time and chance."""

import secrets
import uuid
from datetime import UTC, datetime


class SystemClock:
    """The wall clock."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        return datetime.now(UTC)


class RandomIds:
    """Identifiers nobody can guess: random (version 4) UUIDs."""

    def new(self) -> str:
        """32 hexadecimal digits from the system's source of secrets."""
        return uuid.UUID(bytes=secrets.token_bytes(16), version=4).hex
