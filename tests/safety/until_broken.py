"""``python -m tests.safety.until_broken MOMENTS HISTORIES``: prints what first breaks a promise, or "none".

Moments are tried before whole histories; one that cannot even be lived through counts as noticed, too.
"""

import logging
import sys

from tests.safety.hunt import Life, whole
from tests.safety.moments import moment


def main() -> None:
    """One line: "moment" or "history", the seed, and the promise that it broke."""
    logging.disable(logging.CRITICAL)
    moments, histories = map(int, sys.argv[1:])
    sys.stdout.write(_first("moment", moment, moments) or _first("history", whole, histories) or "none\n")


def _first(kind: str, life: Life, seeds: int) -> str:
    for seed in range(seeds):
        try:
            broken = life(seed).witness.broken
        except AssertionError as error:
            broken = [f"{type(error).__name__}: {error}"]
        if broken:
            return f"{kind} {seed} {broken[0]}\n"
    return ""


if __name__ == "__main__":
    main()
