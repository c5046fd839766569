"""Identifiers drawn from the tenant's seeded generator, so that a seed always gives the same tenant."""

import random

_VERSION_4 = 0x0000_0000_0000_4000_8000_0000_0000_0000
_RANDOM = 0xFFFF_FFFF_FFFF_0FFF_3FFF_FFFF_FFFF_FFFF
"""The bits of a GUID that version 4 leaves to chance; ``uuid.UUID`` comes to the same in twice the time."""


class Ids:
    """Fresh GUIDs and opaque strings."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def guid(self) -> str:
        """A random GUID in lower case."""
        digits = f"{self._rng.getrandbits(128) & _RANDOM | _VERSION_4:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def opaque(self) -> str:
        """32 hexadecimal digits that mean nothing."""
        return f"{self._rng.getrandbits(128):032x}"
