"""What every area of the tenant shares: the clock, identifiers, chance, the replica and how long things take."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.tenant.model.clock import SimClock
from local.tenant.model.ids import Ids
from local.tenant.model.store import Replica


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long the tenant takes, in virtual time."""

    provisioning: timedelta = timedelta(minutes=4)
    """From a licence assignment to its plans reading Success."""
    group_licence: timedelta = timedelta(minutes=5)
    """From joining a group to the licence it gives."""
    wipe: timedelta = timedelta(minutes=12)
    """From a wipe reaching an online device to its record disappearing."""
    record_removal: timedelta = timedelta()
    """How much longer the old record stays after the device has reset itself."""
    sign_in: timedelta = timedelta(hours=2)
    """From the sign-in page showing to the assigned user signing in."""
    compliance: timedelta = timedelta(minutes=25)
    """From an enrolment or a mended cause to the first compliance evaluation."""
    check_in: timedelta = timedelta(hours=8)
    """How often an online device checks in by itself."""
    notification: timedelta = timedelta(seconds=30)
    """From a change to its notification."""
    hash_import: timedelta = timedelta(minutes=3)
    """From a hardware hash arriving to the Autopilot service having it, or refusing it."""
    dynamic_group: timedelta = timedelta(minutes=5)
    """From a registration or a rule to the members of a dynamic group, and the profiles they get by it."""
    directory: timedelta = timedelta()
    """How far directory reads are behind (eventual consistency)."""


@dataclass(slots=True, kw_only=True)
class World:
    """The tenant's name, time and chance."""

    tenant_id: str
    domain: str
    clock: SimClock
    rng: random.Random
    delays: Delays = field(default_factory=Delays)
    ids: Ids = field(init=False)
    replica: Replica = field(init=False)

    def __post_init__(self) -> None:
        self.ids = Ids(self.rng)
        self.replica = Replica()

    def now(self) -> datetime:
        """The current virtual time, UTC."""
        return self.clock.now()
