"""What kind of history it is: drawn from the seed, or chosen by a test."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.domain.policy import Mode

SecondAdmin = Literal["approved", "rejected", "cancelled", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What kind of history it is."""

    mode: Mode = Mode.AUTO
    devices: int = 1
    owners: int = 2
    """Of so many people at most: two of three devices are one person's, unless there are three."""
    seats: int = 5
    share: float = 0.0
    """How many I/Os of a hundred go wrong, as a fraction."""
    slow: bool = False
    """What goes wrong is only ever slow: whatever is read before something else is old by then."""
    happenings: int = 0
    ambush: bool = False
    """Something happens at the very moment at which a wipe is on its way."""
    hostile: bool = False
    people: bool = True
    attentive: bool = True
    """Somebody looks after approvals; otherwise they expire."""
    instances: int = 2
    wipes_per_hour: int = 5
    ramped: bool = False
    """The first wipes went well long ago: only the other limits hold."""
    second_admin: SecondAdmin | None = None
    """The tenant has Multi Admin Approval, and the second administrator decides so ("none": never)."""
    approval_answer: int = 403
    """The status with which the tenant asks for a second administrator; tenants differ."""
    mail: bool = False
    """Owners are told and may put the wipe off; operators get mail."""
    sweeps: bool = False
    """What no event told is looked for as well."""
    exclusion: bool = False
    """There is a group whose devices are never touched."""
    redeployed: bool = False
    """Some day the app is deployed with another setting; what is under way goes on with the old one."""
    skew: timedelta = timedelta()
    """By so much at most is each instance's clock wrong."""

    @classmethod
    def of(cls, rng: random.Random) -> "Shape":
        """Any kind."""
        return cls(
            mode=rng.choice((Mode.AUTO, Mode.AUTO, Mode.APPROVE, Mode.APPROVE, Mode.REPORT)),
            devices=rng.choice((*(1,) * 7, 2, 2, 3)),
            owners=rng.choice((2, 3)),
            seats=rng.choice((1, *(3,) * 3, *(5,) * 8)),
            share=rng.choice((0.0, 0.003, 0.02, 0.1)),
            happenings=rng.choice((0, 0, 1, 2, 4)),
            ambush=rng.random() < 0.3,
            hostile=rng.random() < 0.2,
            attentive=rng.random() < 0.97,
            wipes_per_hour=rng.choice((1, 2, 5)),
            ramped=rng.random() < 0.2,
            slow=rng.random() < 0.1,
            second_admin=rng.choice(
                (*(None,) * 12, "approved", "approved", "approved", "rejected", "cancelled", "none")
            ),
            approval_answer=rng.choice((400, 403, 409, 412)),
            mail=rng.random() < 0.15,
            sweeps=rng.random() < 0.15,
            exclusion=rng.random() < 0.1,
            redeployed=rng.random() < 0.1,
            skew=timedelta(seconds=rng.choice((*(0,) * 9, 120))),
        )
