"""How many requests one run of the sweep may make, so that it takes at most half of what Graph allows the app in a tenant.

Source: "Microsoft Graph service-specific throttling limits": Intune devices 2,000 requests in 20 seconds, Intune enrolment
1,000; the directory 3,500 resource units in 10 seconds for the smallest tenants.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

SHARE = 0.5


class Service(StrEnum):
    """Who answers, and counts."""

    INTUNE = "intune"
    ENROLMENT = "enrolment"
    DIRECTORY = "directory"


LIMITS = {Service.INTUNE: 2_000, Service.ENROLMENT: 1_000, Service.DIRECTORY: 3_500}
"""Per window of 20 or 10 seconds, app and tenant."""


def most_in_a_run(service: Service) -> int:
    """Half of our share: the end of one run and the start of the next may fall into one window."""
    return int(LIMITS[service] * SHARE / 2)


@dataclass(kw_only=True)
class Pace:
    """What one run has used."""

    used: Counter[Service] = field(default_factory=Counter[Service])

    def may_ask(self, service: Service, units: int = 1) -> bool:
        """Whether one more request of so many units fits into this run; if it does it counts."""
        if self.used[service] + units > most_in_a_run(service):
            return False
        self.used[service] += units
        return True
