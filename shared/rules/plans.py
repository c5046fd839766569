"""The service plans that decide whether a user can enrol a device through Windows Autopilot, and what a user has of them.

Service plans decide, never product names: Business Standard's part number is O365_BUSINESS_PREMIUM, and the
INTUNE_O365 plan inside it is Basic Mobility and Security. Source: "Licensing requirements" of Windows Autopilot and
"Product names and service plan identifiers for licensing".
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from shared.domain.facts import PlanStatus, TenantFacts, User
from shared.rules.sku_names import sku_name

PLAN_NAMES = {
    "c1ec4a95-1f05-45b3-a911-aa3fa01094f5": "INTUNE_A",
    "3e170737-c728-4eae-bbb9-3f3360f7184c": "INTUNE_A_VL",
    "d216f254-796f-4dab-bbfa-710686e646b9": "INTUNE_A_GOV",
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d": "AAD_PREMIUM",
    "eec0eb4f-6444-4f95-aba0-50c24d67f998": "AAD_PREMIUM_P2",
}
"""In the order in which they are switched on where one of several would do: the plan that gives less comes first."""
INTUNE_PLANS = frozenset(plan for plan, name in PLAN_NAMES.items() if name.startswith("INTUNE"))
ENTRA_PREMIUM_PLANS = frozenset(PLAN_NAMES) - INTUNE_PLANS
BASIC_MOBILITY = "882e1d05-acd1-4ccb-8708-6ee03664b117"  # INTUNE_O365
DECISIVE_PLANS = INTUNE_PLANS | ENTRA_PREMIUM_PLANS | {BASIC_MOBILITY}
"""Every other service plan changes no decision."""


def covers(plan_ids: Collection[str]) -> bool:
    """These plans allow enrolment through Autopilot: Intune and Entra ID P1 or P2."""
    plans = frozenset(plan_ids)
    return bool(plans & INTUNE_PLANS) and bool(plans & ENTRA_PREMIUM_PLANS)


def covered_since(user: User, seen_at: datetime) -> bool:
    """What the user holds allows it, and was assigned by then already: a plan that was taken and given anew meanwhile may
    not be provisioned yet, though it reads Enabled at once."""
    before = {plan for plan, at in user.plans_assigned_at if at <= seen_at}
    return covers(user.enabled_plan_ids - {plan for plan, _ in user.plans_assigned_at} | before)


def provisioned(plans: Collection[PlanStatus]) -> bool:
    """Intune and Entra ID P1 or P2 both read Success."""
    return covers([plan.plan_id for plan in plans if plan.status == "Success"])


def needed(has: frozenset[str], offered: Iterable[str]) -> frozenset[str]:
    """Of the plans offered, the fewest that a user who has ``has`` lacks: one for Intune, one for Entra ID P1 or P2."""
    there = frozenset(offered)
    wanted: set[str] = set()
    for kind in (INTUNE_PLANS, ENTRA_PREMIUM_PLANS):
        if not has & kind:
            wanted.update([plan for plan in PLAN_NAMES if plan in kind & there][:1])
    return frozenset(wanted)


def plan_names(plan_ids: Collection[str]) -> str:
    """Decisive plans by name, in their usual order."""
    return " and ".join(name for plan, name in PLAN_NAMES.items() if plan in plan_ids)


def switched_off(user: User, tenant: TenantFacts) -> frozenset[str]:
    """Decisive plans that the user's products contain and that are switched off in every one of them."""
    off: set[str] = set()
    for held in user.licences:
        if held.error is None and (sku := tenant.sku(held.sku_id)) is not None:
            off |= held.disabled_plan_ids & sku.plan_ids & frozenset(PLAN_NAMES)
    return frozenset(off) - user.enabled_plan_ids


def holds(user: User, tenant: TenantFacts) -> str:
    """What the user holds, in the words of the product list."""
    skus = [sku for sku_id in user.sku_ids if (sku := tenant.sku(sku_id)) is not None]
    if not skus:
        return "has no licence" if not user.sku_ids else "has licences this tenant no longer lists"
    names = " and ".join(sku_name(sku.part_number) for sku in skus)
    plans, which_contain = user.enabled_plan_ids, "which contains" if len(skus) == 1 else "which contain"
    if covers(plans):
        return f"has {names}, with Intune and Entra ID P1"
    if off := plan_names(switched_off(user, tenant)):
        return f"has {names}, but {off} {'are' if ' and ' in off else 'is'} switched off in it"
    if plans & INTUNE_PLANS:
        return f"has {names}: Intune, but no Entra ID P1"
    if any(sku.plan_ids & INTUNE_PLANS for sku in skus):
        return f"has {names}, but Intune is not switched on in it"
    if BASIC_MOBILITY in plans:
        return f"has {names}, {which_contain} Basic Mobility and Security, not Intune"
    return f"has {names}, without Intune"


def called(user: User) -> str:
    """What people call a user."""
    return user.display_name or user.user_principal_name
