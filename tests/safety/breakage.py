"""One deliberate breakage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """One text of one file, and what it is changed to."""

    name: str
    file: str
    before: str
    after: str
    test: str = ""
    """The test that fails, where other guards stand behind this one and histories may not tell."""
