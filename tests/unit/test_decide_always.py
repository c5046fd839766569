"""Whatever is read, whenever: a decision is a legal move, and a wipe is sent only when every condition holds."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.domain.case import Case, JournalEntry, move, proposal_of
from shared.domain.effects import (
    AssignLicence,
    BindOwner,
    Effect,
    FreezeWipes,
    JoinLicenceGroup,
    RemoveLicences,
    ReprocessLicences,
    SyncDevice,
    TellOwner,
)
from shared.domain.facts import Compliance, Facts, Freeze, ManagedDevice, User
from shared.domain.policy import LicenceWay, Mode, Policy
from shared.domain.states import CaseState
from shared.rules.decide import RULES, decide
from tests.arbitrary import cases, facts, policies, times
from tests.builders import ENTRA_P1, INTUNE

_STORED = TypeAdapter(JournalEntry)
_EXAMPLES = 400


@settings(max_examples=_EXAMPLES, deadline=None)
@given(st.data())
def test_every_decision_is_a_legal_move_that_can_be_stored_and_read(data: st.DataObject):
    policy = data.draw(policies)
    case, read, now = data.draw(cases(list(RULES), policy)), data.draw(facts()), data.draw(times)

    decision = decide(case, read, policy, now)
    after, entry = move(case, decision, at=now)

    event(f"{case.state} -> {after.state}")
    assert _STORED.validate_json(_STORED.dump_json(entry)) == entry
    assert decision.says.strip() == decision.says != ""
    assert "None" not in decision.says.replace(". None of the", "")
    assert "  " not in decision.says
    assert after.state.rests or after.state is not case.state or decision.effect or decision.due


@settings(max_examples=_EXAMPLES, deadline=None)
@given(st.data())
def test_effects_touch_only_the_cases_own_owner_and_device_and_only_in_a_mode_that_writes(data: st.DataObject):
    policy = data.draw(policies)
    case, read = data.draw(cases(list(RULES), policy)), data.draw(facts())

    effect = decide(case, read, policy, data.draw(times)).effect

    if effect is not None:
        event(type(effect).__name__)
        assert policy.mode in (Mode.APPROVE, Mode.AUTO)
        assert _is_ours(effect, case, read, policy)


def _is_ours(effect: Effect, case: Case, read: Facts, policy: Policy) -> bool:
    owner, skus = case.owner, read.tenant.skus if read.tenant else ()
    assert owner is not None
    match effect:
        case AssignLicence():
            bought = {sku.id for sku in skus if sku.part_number in policy.licence_skus}
            may_go = {sku.id for sku in skus if sku.part_number in policy.licence_swap_from}
            goes = set(effect.remove_sku_ids)
            return effect.user_id == owner.user_id and effect.sku_id in bought and goes <= may_go
        case JoinLicenceGroup() | ReprocessLicences():
            return effect.user_id == owner.user_id and policy.licence_way is LicenceWay.GROUP
        case RemoveLicences():
            account = read.users.get(effect.user_id)
            listed = {sku.id for sku in skus if sku.part_number in policy.licence_skus}
            return isinstance(account, User) and effect.user_id != owner.user_id and set(effect.sku_ids) <= listed
        case BindOwner():
            registered = [each.id for each in read.autopilot or ()]
            upn = owner.user_principal_name
            return (
                registered == [effect.autopilot_id] and effect.user_principal_name == upn and effect.display_name != ""
            )
        case SyncDevice():
            return case.device is not None and effect.managed_device_id == case.device.managed_device_id
        case TellOwner():
            return effect.user_id == owner.user_id and effect.case_id == case.id and policy.tells_owner
        case FreezeWipes():
            return case.state is CaseState.CLEARED_TO_WIPE and not (read.freeze is None or read.freeze.frozen)


@settings(max_examples=3 * _EXAMPLES, deadline=None)
@given(st.data())
def test_a_wipe_is_sent_only_when_every_condition_holds(data: st.DataObject):
    policy = data.draw(policies)
    case, read = data.draw(cases([CaseState.WIPE_INTENDED], policy)), data.draw(facts())
    now = data.draw(times)

    sent = decide(case, read, policy, now).to is CaseState.WIPE_SENT

    conditions = _conditions(case, read, policy, now)
    event("sent" if sent else "not sent: " + next((name for name, holds in conditions.items() if not holds), "?"))
    assert sent == all(conditions.values()), [name for name, holds in conditions.items() if not holds]


def _conditions(case: Case, read: Facts, policy: Policy, now: datetime) -> Mapping[str, bool]:
    """All that must hold, said a second time and independently of the rules."""
    device, was, owner, approval = read.device, case.device, case.owner, case.approval
    assert was is not None and owner is not None
    if not isinstance(device, ManagedDevice):
        return {"the device is there": False}
    upn = (device.user_principal_name or "").lower()
    excluded = {device.name.lower(), device.serial_number.lower()} & policy.excluded_devices
    owner_read = read.users.get(owner.user_id)
    registered = read.autopilot or ()
    bound = [
        each.profile_status == "assignedInSync"
        and each.serial_number == case.serial_number
        and (each.profile_detail, each.userless_status, each.enrolment_state) == ("none", "unknown", "enrolled")
        for each in registered
        if each.user_principal_name == owner.user_principal_name
    ]
    tenant, attested = read.tenant, policy.enrolment_attestation
    tenant_fits = (
        tenant is not None
        and abs(now - tenant.read_at) <= timedelta(minutes=15)
        and tenant.mdm_authority == "intune"
        and all(page.blocks_use for page in tenant.status_pages)
    )
    enrols = (
        attested is not None
        and attested.scope == "all"
        and timedelta() <= now.date() - attested.on <= attested.valid_for
    )
    fresh = case.ready_at is not None and now - case.ready_at <= timedelta(minutes=10)
    return {
        "it is the same device": device.id.lower() == was.managed_device_id
        and device.entra_device_id == was.entra_device_id
        and device.serial_number == was.serial_number,
        "it is the same enrolment": device.enrolled_at == was.enrolled_at and device.user_id == was.enrolment_user_id,
        "it may be touched": device.owner_type == "company"
        and device.operating_system.lower() == "windows"
        and not device.model.startswith("Cloud PC")
        and device.management_agent == "mdm"
        and device.management_state == "managed"
        and device.serial_number not in ("", "Default string"),
        "it is not excluded": not excluded and not {upn, owner.user_principal_name.lower()} & policy.excluded_users,
        "it is non-compliant": device.compliance is Compliance.NONCOMPLIANT,
        "it checks in": device.last_sync_at is not None and now - device.last_sync_at <= policy.last_sync_within,
        "the owner is there": isinstance(owner_read, User) and owner_read.enabled,
        "the owner has the plans": isinstance(owner_read, User) and {INTUNE, ENTRA_P1} <= owner_read.enabled_plan_ids,
        "its non-compliance was read not long ago": case.readings is not None
        and now - case.readings.last_at <= policy.noncompliant_for + timedelta(hours=24),
        "they were seen provisioned": case.licence_seen_at is not None,
        "it was ready just now or is still bound": fresh or (bound == [True] and len(registered) == 1),
        "it was ready just now or the tenant still is": fresh or (tenant_fits and enrols),
        "the mode allows it": policy.mode in (Mode.APPROVE, Mode.AUTO),
        "it is approved": approval is not None
        and not approval.used
        and now <= approval.expires_at
        and approval.proposal == proposal_of(case, policy.as_of(now).version),
        "a person approved it": approval is not None
        and (_armed(policy, now) or approval.by == "admin@contoso.example"),
        "the owner's time is over": case.notice is None
        or case.notice.wipe_not_before is None
        or now >= case.notice.wipe_not_before,
        "nothing is frozen": read.freeze == Freeze(frozen=False),
        "the owner had their time": case.notice is None or now >= (case.notice.wipe_not_before or now),
        "it is within the hours": policy.wipe_hours is None or policy.wipe_hours.is_open(now),
    }


def _armed(policy: Policy, now: datetime) -> bool:
    days = None if policy.auto_until is None else (policy.auto_until - now.date()).days
    return policy.mode is Mode.AUTO and days is not None and 0 <= days <= policy.armed_days
