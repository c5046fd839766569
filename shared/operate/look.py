"""What a person may see: cases, one case with its journal, and the state of the switches, as plain JSON-ready values."""

from dataclasses import dataclass
from typing import Any

from shared.domain.case import Case, JournalEntry
from shared.domain.facts import Fleet
from shared.domain.policy import Policy
from shared.operate.act import possible
from shared.operate.see_case import Proposal, proposal_for
from shared.ports import Clock
from shared.records.cases import CaseStore
from shared.records.counts import OPEN
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.json_form import JsonForm

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
        now = self.clock.now()
        if (proposal := proposal_for(case, self.policy.as_of(now), now)) is not None:
            view["to_approve"] = _to_approve(case, proposal)
        return view


def _to_approve(case: Case, proposal: Proposal) -> Json:
    """What would happen, and who may not say yes to it."""
    first = proposal.first
    return {
        "proposal": proposal.code,
        "action": _action(case),
        "not_possible": proposal.excluded,
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
