"""Carry out one effect. The wipe is not here: it has a protocol of its own in wipe.py."""

import contextlib
from dataclasses import dataclass

from shared.domain.effects import (
    Answer,
    AssignLicence,
    BindOwner,
    Done,
    Effect,
    FreezeWipes,
    Matter,
    Refused,
    SyncDevice,
    TellOwner,
)
from shared.domain.policy import Policy
from shared.errors import AccessDenied, HandoverError, RetryLater
from shared.notices.letters import Letters
from shared.ports import Autopilot, Devices, Directory, Mail
from shared.remedy.brake import Brake


class WriteForbidden(Exception):
    """An effect was asked for in a mode that changes nothing: a bug in a rule, stopped here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Performs effects through the ports."""

    devices: Devices
    directory: Directory
    autopilot: Autopilot
    mail: Mail
    letters: Letters
    brake: Brake

    async def perform(self, effect: Effect, policy: Policy) -> Answer:
        """Done or Refused. Raises RetryLater, AccessDenied, or WriteForbidden in a mode that changes nothing."""
        if not policy.mode.may_write:
            raise WriteForbidden(f"{type(effect).__name__} in mode {policy.mode}")
        match effect:
            case AssignLicence():
                return await self._assign(effect)
            case BindOwner():
                return await self.autopilot.bind(effect.autopilot_id, effect.user_principal_name, effect.display_name)
            case SyncDevice():
                return await self._sync(effect)
            case TellOwner():
                return await self._tell(effect)
            case FreezeWipes():
                await self.brake.pull(effect.reason, effect.why)
                return Done()

    async def _sync(self, effect: SyncDevice) -> Answer:
        """A check-in only saves time: the device makes one every eight hours by itself, so no failure matters."""
        with contextlib.suppress(RetryLater, AccessDenied):
            await self.devices.sync(effect.managed_device_id)
        return Done()

    async def _tell(self, effect: TellOwner) -> Answer:
        if effect.matter is Matter.WIPE_CALLED_OFF:  # good news to an owner whose case is over: no failure matters
            with contextlib.suppress(HandoverError):
                return await self._send(effect)
            return Done()
        return await self._send(effect)

    async def _send(self, effect: TellOwner) -> Answer:
        letter = self.letters.write(effect)
        address = effect.mail_address or effect.user_principal_name
        return await self.mail.send(to=address, subject=letter.subject, html=letter.html)

    async def _assign(self, effect: AssignLicence) -> Answer:
        if effect.set_usage_location is not None:
            placed = await self.directory.set_usage_location(effect.user_id, effect.set_usage_location)
            if isinstance(placed, Refused):
                return placed
        return await self.directory.assign_licence(effect.user_id, effect.sku_id)
