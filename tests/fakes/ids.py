"""Identifiers that are the same in every run."""


class CountingIds:
    """The port Ids: 1, 2, 3 ... as 32 hexadecimal digits."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        """The next number."""
        self._last += 1
        return f"{self._last:032x}"
