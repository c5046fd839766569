"""The geometry of the small charts: numbers in, coordinates of inline SVG out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

RADIUS = 42.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A share of a whole, as width in percent with one decimal."""

    width: float
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A share as an arc: dash and gap of a circle's stroke."""

    dash: float
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a chart of columns, in a box of 100 by 100."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


def bar(value: float, most: float, *, tone: str = "plain") -> Bar:
    """``value`` of ``most``; a little of something is seen, too much is full."""
    share = 0.0 if most <= 0 or value <= 0 else max(1.5, min(100.0, 100 * value / most))
    return Bar(width=round(share, 1), tone=tone)


def used(value: int, most: int) -> Bar:
    """A budget: it warns from three quarters on, and is bad when nothing is left."""
    tone = "bad" if value >= most else "you" if value * 4 >= most * 3 else "plain"
    return bar(value, most, tone=tone)


def ring(share: float) -> Ring:
    """A share from 0 to 1."""
    whole = 2 * pi * RADIUS
    dash = round(whole * min(1.0, max(0.0, share)), 2)
    return Ring(dash=dash, gap=round(whole - dash, 2))


def columns(counts: Sequence[tuple[str, int]]) -> list[Column]:
    """Equal columns side by side, the highest as high as the box."""
    most, step = max((count for _, count in counts), default=0), 100 / max(1, len(counts))
    found: list[Column] = []
    for place, (label, count) in enumerate(counts):
        height = 0.0 if not most else max(2.0, 100 * count / most) if count else 0.0
        found.append(
            Column(
                x=round(place * step + step * 0.28, 2),
                y=round(100 - height, 2),
                width=round(step * 0.44, 2),
                height=round(height, 2),
                label=label,
                count=count,
            )
        )
    return found
