"""``python -m tests.safety.until_broken SEEDS``: prints the first seed that breaks a promise and what it broke, or "none"."""

import logging
import sys

from tests.safety.history import History


def main() -> None:
    """One line; a history that cannot even be lived through counts as noticed, too."""
    logging.disable(logging.CRITICAL)
    for seed in range(int(sys.argv[1])):
        try:
            broken = History(seed=seed).run().witness.broken
        except AssertionError as error:
            broken = [f"{type(error).__name__}: {error}"]
        if broken:
            sys.stdout.write(f"{seed} {broken[0]}\n")
            return
    sys.stdout.write("none\n")


if __name__ == "__main__":
    main()
