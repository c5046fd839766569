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
    JoinLicenceGroup,
    Matter,
    Refused,
    RemoveLicences,
    ReprocessLicences,
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
            case JoinLicenceGroup():
                return await self._join(effect)
            case ReprocessLicences():
                return await self.directory.reprocess_licences(effect.user_id)
            case RemoveLicences():
                return await self._take_back(effect)
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
        if refused := await self._place(effect.user_id, effect.set_usage_location):
            return refused
        return await self.directory.assign_licence(
            effect.user_id,
            effect.sku_id,
            disabled_plan_ids=effect.disabled_plan_ids,
            remove_sku_ids=effect.remove_sku_ids,
        )

    async def _join(self, effect: JoinLicenceGroup) -> Answer:
        if refused := await self._place(effect.user_id, effect.set_usage_location):
            return refused
        return await self.directory.add_to_group(effect.group_id, effect.user_id)

    async def _place(self, user_id: str, country: str | None) -> Refused | None:
        if country is None:
            return None
        placed = await self.directory.set_usage_location(user_id, country)
        return placed if isinstance(placed, Refused) else None

    async def _take_back(self, effect: RemoveLicences) -> Answer:
        """The case is proven already: what cannot be taken back now stays where it is."""
        try:
            return await self.directory.remove_licences(effect.user_id, effect.sku_ids)
        except HandoverError as error:
            return Refused(code="not_taken_back", message=str(error))
