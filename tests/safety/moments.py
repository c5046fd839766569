"""Moments: short histories that begin somewhere in the middle of the story, so that many can be lived through.

The story is lived through once, undisturbed, for each of some casts; at each pause everything is remembered. A moment
puts one of those pauses back and goes on from there: with accidents, people and forged messages drawn from its seed, for
minutes, hours or two days. It judges what a whole history judges, but not that every case ends.
"""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.rules.decide import RULES
from tests.safety.accidents import Accident, Chosen, NoPlan, Plan
from tests.safety.history import History
from tests.safety.pauses import Pause, pauses_of
from tests.safety.shape import Shape

LASTS = {timedelta(minutes=4): 20, timedelta(minutes=20): 16, timedelta(hours=3): 6, timedelta(days=2): 1}
"""How long a moment lasts, accidents and all, unless everything is at rest before; and how often."""
BUSY = frozenset(
    {
        CaseState.AWAITING_APPROVAL,
        CaseState.AWAITING_ADMIN_APPROVAL,
        CaseState.CLEARED_TO_WIPE,
        CaseState.WIPE_SENT,
        CaseState.WIPE_UNKNOWN,
    }
)
"""Where a mistake costs a device; moments begin there more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Whose story it is."""

    shape: Shape
    often: int = 1
    """How often this one is taken."""
    at_wipe: Accident | None = None
    """What befalls the request to wipe in the story; nothing else goes wrong in it."""


_AUTO, _APPROVE = Shape(mode=Mode.AUTO), Shape(mode=Mode.APPROVE)
CASTS: Sequence[Cast] = (
    Cast(often=5, shape=_AUTO),
    Cast(often=5, shape=_APPROVE),
    Cast(often=3, shape=replace(_AUTO, devices=2, wipes_per_hour=1)),
    Cast(often=2, shape=replace(_APPROVE, devices=2)),
    Cast(often=3, shape=replace(_AUTO, devices=3, owners=3, wipes_per_hour=2, ramped=True)),
    Cast(shape=replace(_AUTO, second_admin="approved", approval_answer=403)),
    Cast(shape=replace(_AUTO, second_admin="approved", approval_answer=409)),
    Cast(shape=replace(_APPROVE, second_admin="approved", approval_answer=412)),
    Cast(shape=replace(_AUTO, second_admin="rejected", approval_answer=400)),
    Cast(shape=replace(_AUTO, second_admin="none")),
    Cast(shape=replace(_AUTO, mail=True)),
    Cast(shape=replace(_APPROVE, mail=True)),
    Cast(often=3, shape=replace(_AUTO, exclusion=True)),
    Cast(often=2, shape=replace(_AUTO, skew=timedelta(seconds=120))),
    Cast(shape=replace(_AUTO, seats=1, devices=2)),
    Cast(shape=replace(_APPROVE, sweeps=True)),
    Cast(shape=Shape(mode=Mode.REPORT)),
    Cast(shape=_AUTO, at_wipe=Accident.CRASH_BEFORE),
    Cast(shape=_AUTO, at_wipe=Accident.CRASH_AFTER),
    Cast(shape=_AUTO, at_wipe=Accident.LOST),
    Cast(shape=_APPROVE, at_wipe=Accident.LOST),
    Cast(shape=_AUTO, at_wipe=Accident.GATEWAY),
    Cast(shape=_AUTO, at_wipe=Accident.THROTTLED_THOUGH_DONE),
)
STORY = 3
"""The seed of the stories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One cast's story: the history that is set back again and again, and its pauses."""

    history: History
    pauses: Sequence[Pause]
    weights: Sequence[int]


@functools.cache
def scene(number: int) -> Scene:
    """The story of one of the casts, with its pauses."""
    cast = CASTS[number]
    history = _story(cast.shape, NoPlan())
    if cast.at_wipe is not None:
        wipe = _story(cast.shape, NoPlan()).run().accidents.kinds.index("graph.wipe") + 1
        history = _story(cast.shape, Chosen(at={wipe: cast.at_wipe}))
    pauses = pauses_of(history)
    assert not history.witness.broken, history.witness.broken
    assert len(history.accidents.struck) == (cast.at_wipe is not None)
    return Scene(history=history, pauses=pauses, weights=[_weight(pause.states) for pause in pauses])


def _story(shape: Shape, plan: Plan) -> History:
    return History(seed=STORY, shape=replace(shape, people=False), plan=plan)


def _weight(states: Sequence[CaseState]) -> int:
    """How often a pause is gone on from."""
    if any(state in BUSY for state in states):
        return 12
    return 1 if states and not any(state in RULES for state in states) else 4


def moment(seed: int) -> History:
    """Live through one. What it returns is the scene's history, good until the next moment of the same scene."""
    rng = random.Random(seed)
    number = rng.choices(range(len(CASTS)), [cast.often for cast in CASTS])[0]
    chosen = scene(number)
    rng.choices(chosen.pauses, chosen.weights)[0].snapshot.restore()
    history = chosen.history
    history.seed = rng.getrandbits(32)
    slow = rng.random() < 0.2
    shape = replace(
        CASTS[number].shape,
        share=rng.choice((0.0, 0.02) if slow else (0.0, 0.02, 0.05, 0.2)),
        slow=slow,
        happenings=rng.choice((0, 0, 1, 2)),
        ambush=rng.random() < 0.3,
        hostile=rng.random() < 0.2,
        redeployed=rng.random() < 0.05,
    )
    return history.run_from_here(shape, rng.choices(list(LASTS), list(LASTS.values()))[0])
