"""The computers themselves: where each one is, whether it is online, who works on it and what is wrong with it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from local.tenant.model.signal import Signal
from local.tenant.model.store import Store
from local.tenant.model.world import World


class Place(StrEnum):
    """Where a computer is in its life."""

    ENROLLED = "enrolled"
    RESETTING = "resetting"
    OOBE = "oobe"
    UNMANAGED = "unmanaged"
    """In use without management: retired, or never enrolled and not at OOBE."""


class Esp(StrEnum):
    """How the Enrollment Status Page of the next enrolment ends."""

    SUCCESS = "success"
    FAILURE = "failure"


class WipeEnd(StrEnum):
    """How the next wipe of this computer ends."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MendedBy(StrEnum):
    """The cheaper fix that makes a non-compliant computer compliant without enrolling it again."""

    LICENCE = "licence"
    SYNC = "sync"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One computer. ``name`` is unique in the tenant; two computers may have the same (placeholder) serial number."""

    name: str
    serial: str
    operating_system: str = "Windows"
    os_version: str = "10.0.26100.4652"
    manufacturer: str = "HP"
    model: str = "HP EliteBook 840 G10"
    ownership: str = "company"
    management_agent: str = "mdm"
    online: bool = True
    place: Place = Place.OOBE
    managed_device_id: str | None = None
    entra_device_id: str | None = None
    logged_on: tuple[str, ...] = ()
    """UPNs of the people who work on it, most recent first."""
    defects: tuple[str, ...] = ()
    """Compliance settings that no enrolment mends."""
    mended_by: MendedBy | None = None
    mended_after: timedelta | None = None
    wipe_ends: WipeEnd = WipeEnd.DONE
    esp: Esp = Esp.SUCCESS
    keeps_entra_device_id: bool = True
    next_user: str | None = None
    """UPN of whoever signs in as soon as the sign-in page shows."""
    refused_user: str | None = None
    """UPN of whoever was refused at the sign-in page last, to try again once licensed."""
    nobody_signs_in: bool = False
    """The sign-in page stays as it is until somebody is sent to it."""


class Machines:
    """Every computer. The signals tell the name of the computer that something happened to."""

    def __init__(self, world: World) -> None:
        self.store = Store[Machine](world.clock, world.replica)
        self._by_serial = self.store.index(lambda machine: machine.serial)
        self.came_online = Signal[str]()
        self.went_offline = Signal[str]()
        self.at_oobe = Signal[str]()
        self.wipe_accepted = Signal[str]()

    def require(self, serial_or_name: str) -> Machine:
        """The one computer with that name or serial number. Raises KeyError when there is none or more than one."""
        named = self.store.get(serial_or_name)
        if named is not None:
            return named
        found = self._by_serial.find(serial_or_name)
        if len(found) != 1:
            raise KeyError(f"{len(found)} devices have the name or serial number {serial_or_name!r}")
        return found[0]

    def update(self, machine: Machine) -> None:
        """Replace what is known about a computer."""
        self.store.put(machine.name, machine)

    def set_online(self, serial_or_name: str, online: bool) -> None:
        """Connect or disconnect a computer."""
        machine = self.require(serial_or_name)
        if machine.online != online:
            self.update(replace(machine, online=online))
            (self.came_online if online else self.went_offline).emit(machine.name)

    def move(self, name: str, place: Place) -> None:
        """Put a computer at another place of its life; tells ``at_oobe`` when it shows the sign-in page."""
        machine = self.require(name)
        self.update(replace(machine, place=place))
        if place is Place.OOBE:
            self.at_oobe.emit(machine.name)
