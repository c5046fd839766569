"""RECLAIMING_LICENCE: the case is proven; may the staging account's seat be used for somebody else now?

Opt-in. Only after the proof, only from the account that enrolled this device, only what is listed and was assigned
directly, and only when that account enrols nothing else. Whatever goes wrong, the case ends as proven.
"""

from datetime import datetime

from shared.domain.case import Case, Decision, Reclaim
from shared.domain.effects import RemoveLicences
from shared.domain.facts import Facts, TenantFacts, User
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import go, wait
from shared.rules.ownership import is_staging
from shared.rules.plans import called
from shared.rules.sku_names import sku_name


def staging_account_of(case: Case, policy: Policy) -> str | None:
    """UPN or id of the staging account that enrolled the device, if a staging account did."""
    device = case.device
    if device is None:
        return None
    if device.enrolment_user and is_staging(device.enrolment_user, policy):
        return device.enrolment_user
    if device.enrolment_user_id and is_staging(None, policy, user_id=device.enrolment_user_id):
        return device.enrolment_user_id
    return None


def wants_reclaim(case: Case, policy: Policy) -> bool:
    """There may be a seat to give back after the proof."""
    return (
        policy.reclaim_staging_licence
        and policy.mode.may_write
        and bool(policy.licence_skus)
        and staging_account_of(case, policy) is not None
    )


def reclaim(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide RECLAIMING_LICENCE: PROVEN in the end, whatever becomes of the licence."""
    asked, who = case.reclaim, staging_account_of(case, policy)
    if asked is not None and asked.refused is not None:
        return keep(f"Microsoft Entra refused to take it back: {asked.refused}")
    if asked is not None and asked.done:
        return go(CaseState.PROVEN, Reason.LICENCE_RECLAIMED, "The staging account's licence is free again.")
    if who is None or not wants_reclaim(case, policy):
        return keep("it is not to be taken back any more")
    account = facts.users.get(who.lower())
    if not isinstance(account, User) or not is_staging(account.user_principal_name, policy, user_id=account.id):
        return keep("the staging account could not be found")
    if case.owner is not None and account.id.lower() == case.owner.user_id.lower():
        return keep("the staging account is the owner's")
    if facts.staging_devices is None or facts.tenant is None:
        return keep(f"what {called(account)} enrols could not be read")
    if others := _others(case, facts):
        return keep(f"{called(account)} still enrols {others}")
    sku_ids = _takeable(account, facts.tenant, policy)
    if not sku_ids:
        if asked is not None:
            return go(CaseState.PROVEN, Reason.LICENCE_RECLAIMED, "The staging account's licence is free again.")
        return keep(f"{called(account)} holds none of the listed licences directly")
    names = " and ".join(_name(facts.tenant, sku_id) for sku_id in sku_ids)
    return wait(
        case,
        Reason.RECLAIMING_LICENCE,
        f"{called(account)} enrols no other device; taking {names} back.",
        until=now,
        evidence={"account": account.user_principal_name, "licence": names},
        effect=RemoveLicences(user_id=account.id, sku_ids=sku_ids),
        reclaim=Reclaim(user_id=account.id, sku_ids=sku_ids),
    )


def keep(why: str) -> Decision:
    """Proven, and the staging account keeps its licence."""
    return go(CaseState.PROVEN, Reason.LICENCE_KEPT, f"Proven. The staging account keeps its licence: {why}.")


def _others(case: Case, facts: Facts) -> str:
    """Devices of the account other than the record that was wiped, in words."""
    old = case.device.managed_device_id.lower() if case.device is not None else ""
    others = [device for device in facts.staging_devices or () if device.id.lower() != old]
    return f"{len(others)} other device{'' if len(others) == 1 else 's'}, {others[0].called} for one" if others else ""


def _takeable(account: User, tenant: TenantFacts, policy: Policy) -> tuple[str, ...]:
    listed = {sku.id for sku in tenant.skus if sku.part_number in policy.licence_skus}
    held = (each for each in account.licences if each.direct and each.error is None and each.sku_id in listed)
    return tuple(dict.fromkeys(each.sku_id for each in held))


def _name(tenant: TenantFacts, sku_id: str) -> str:
    sku = tenant.sku(sku_id)
    return sku_id if sku is None else sku_name(sku.part_number)
