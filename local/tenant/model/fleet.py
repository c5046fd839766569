"""How many devices Intune counts: those of the scenario, and any number of others that are nothing but a number."""

from dataclasses import dataclass

from local.tenant.model.managed_devices import ManagedDevices


@dataclass(kw_only=True)
class OtherDevices:
    """Devices that only count."""

    enrolled: int = 0
    noncompliant: int = 0


class Fleet:
    """The counts of the whole tenant."""

    def __init__(self, devices: ManagedDevices) -> None:
        self._devices = devices
        self.others = OtherDevices()

    @property
    def enrolled(self) -> int:
        """Every enrolment."""
        return self.others.enrolled + len(list(self._devices.store.readable()))

    def by_compliance(self, state: str) -> int:
        """The enrolments with this compliance state."""
        known = sum(device.compliance == state for device in self._devices.store.readable())
        if state == "noncompliant":
            return known + self.others.noncompliant
        return known + (self.others.enrolled - self.others.noncompliant if state == "compliant" else 0)
