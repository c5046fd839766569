"""What a person may see: cases, one case with its journal, and the state of the switches, as plain JSON-ready values."""

from dataclasses import dataclass
from typing import Any

from shared.domain.case import Case, JournalEntry, proposal_of
from shared.domain.facts import Fleet
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.operate.act import possible
from shared.ports import Clock
from shared.records.cases import CaseStore
from shared.records.counts import OPEN
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.json_form import JsonForm
from shared.rules.approving import first_of_two, must_not_be_wiped

_CASE = JsonForm(Case)
_FLEET = JsonForm(Fleet)
_JOURNAL = JsonForm(list[JournalEntry])

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Read-only views."""

    cases: CaseStore
    freeze: FreezeSwitch
    fleet: FleetBook
    policy: Policy
    clock: Clock

    async def status(self) -> Json:
        """Mode, freeze switch, the number of open cases by state, and the time by which the app goes."""
        freeze, policy = await self.freeze.read(), self.policy.as_of(self.clock.now())
        by_state = (await self.cases.counts.read()).of(OPEN, "state")
        return {
            "mode": policy.mode.value,
            "why_not_auto": policy.why_not_auto,
            "auto_until": None if policy.auto_until is None else policy.auto_until.isoformat(),
            "policy": policy.version,
            "frozen": freeze.frozen,
            "frozen_by": freeze.by,
            "why": freeze.why,
            "fleet": None if (fleet := await self.fleet.known()) is None else _FLEET.dump_python(fleet),
            "open_cases": by_state,
            "time": self.clock.now().isoformat(),
        }

    async def case(self, case_id: str) -> Json | None:
        """One case, what its state means, its journal, and, while it waits for approval, exactly what would be approved."""
        stored = await self.cases.load(case_id)
        if stored is None:
            return None
        case = stored.case
        view: Json = {
            "case": _CASE.dump_python(case),
            "meaning": case.state.meaning,
            "possible": list(possible(case)),
            "journal": _JOURNAL.dump_python(await self.cases.journal(case_id)),
        }
        if case.state is CaseState.AWAITING_APPROVAL:
            view["to_approve"] = self._to_approve(case)
        return view

    def _to_approve(self, case: Case) -> Json:
        """What would happen, and who may not say yes to it."""
        now = self.clock.now()
        policy = self.policy.as_of(now)
        first = first_of_two(case, policy, now)
        return {
            "proposal": proposal_of(case, policy.version),
            "action": _action(case),
            "not_possible": must_not_be_wiped(case, policy),
            "not_by": list(case.requested_by),
            "approved_by": None if first is None else first.by,
            "still_needed": "A person has to approve the wipe."
            if first is None
            else f"Approved by {first.by}; a second person has to approve the wipe.",
        }


def _action(case: Case) -> str:
    device, owner = case.device, case.owner
    assert device is not None and owner is not None
    return (
        f"Factory reset of {device.name} (serial number {device.serial_number}, Intune device {device.managed_device_id}). "
        f"All data on it is lost. It is then set up by {owner.display_name} ({owner.user_principal_name})."
    )
