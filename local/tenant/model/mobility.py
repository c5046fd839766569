"""Intune's mobility management policy: whom automatic enrolment applies to, and where devices enrol."""

from dataclasses import dataclass

INTUNE_APP = "0000000a-0000-0000-c000-000000000000"


@dataclass(slots=True, kw_only=True)
class MobilityPolicy:
    """The one policy that the tenant has; an administrator changes its fields."""

    applies_to: str = "all"
    """all, selected or none."""
    group_ids: tuple[str, ...] = ()
    discovery_url: str = "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"
    is_valid: bool = True
