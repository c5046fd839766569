"""CHECKING_LICENCE, AWAITING_SEAT, AWAITING_LICENCE: does the owner hold Intune *and* Entra ID P1, and if not, which seat?

Service plans decide, never product names: Business Standard's part number is O365_BUSINESS_PREMIUM, and the
INTUNE_O365 plan inside it is Basic Mobility and Security. Source: "Licensing requirements" of Windows Autopilot and
"Product names and service plan identifiers for licensing".
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Journey, LicenceRequest
from shared.domain.effects import AssignLicence, SyncDevice
from shared.domain.facts import Facts, PlanStatus, Sku, TenantFacts, User
from shared.domain.policy import Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import ask_person, go, in_words, wait
from shared.rules.sku_names import sku_name

INTUNE_PLANS = frozenset(
    {
        "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",  # INTUNE_A
        "3e170737-c728-4eae-bbb9-3f3360f7184c",  # INTUNE_A_VL
        "d216f254-796f-4dab-bbfa-710686e646b9",  # INTUNE_A_GOV
    }
)
ENTRA_PREMIUM_PLANS = frozenset(
    {
        "41781fb2-bc02-4b7c-bd55-b576c07bb09d",  # AAD_PREMIUM (P1)
        "eec0eb4f-6444-4f95-aba0-50c24d67f998",  # AAD_PREMIUM_P2
    }
)
BASIC_MOBILITY = "882e1d05-acd1-4ccb-8708-6ee03664b117"  # INTUNE_O365
DECISIVE_PLANS = INTUNE_PLANS | ENTRA_PREMIUM_PLANS | {BASIC_MOBILITY}
"""Every other service plan changes no decision."""

LOOK_FOR_PLANS_AFTER = timedelta(minutes=5)
SEND_AGAIN_AFTER = timedelta(minutes=10)
LOOK_FOR_SEATS_AFTER = timedelta(hours=1)
LOOK_FOR_MENDING_AFTER = timedelta(hours=8)


def covers(plan_ids: Collection[str]) -> bool:
    """These plans allow enrolment through Autopilot: Intune and Entra ID P1 or P2."""
    plans = frozenset(plan_ids)
    return bool(plans & INTUNE_PLANS) and bool(plans & ENTRA_PREMIUM_PLANS)


def provisioned(plans: Collection[PlanStatus]) -> bool:
    """Intune and Entra ID P1 or P2 both read Success."""
    return covers([plan.plan_id for plan in plans if plan.status == "Success"])


def check_licence(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide CHECKING_LICENCE and AWAITING_SEAT: fine, assign one, wait for a seat, or ask."""
    assert case.owner is not None
    user, tenant = facts.users.get(case.owner.user_id.lower()), facts.tenant
    if not isinstance(user, User) or tenant is None:
        return ask_person(Reason.OWNER_NOT_FOUND, f"{case.owner.display_name} no longer exists.")
    if not user.enabled:
        return ask_person(Reason.OWNER_DISABLED, f"{_name(user)}'s account is disabled; it gets no licence.")
    if covers(user.enabled_plan_ids):
        return go(
            CaseState.AWAITING_LICENCE,
            Reason.LICENCE_ASSIGNED,
            f"{_name(user)} {_holds(user, tenant)}.",
            due=now + LOOK_FOR_PLANS_AFTER if _asked_since(case, policy, now) else None,
        )
    lack = f"{_name(user)} {_holds(user, tenant)}"
    if not policy.licence_skus:
        return ask_person(
            Reason.NO_LICENCE_CONFIGURED,
            f"{lack}. No licence may be assigned automatically; give one by hand or set HANDOVER_LICENCE_SKUS.",
        )
    fitting = _fitting(user, tenant, policy)
    if not fitting:
        return ask_person(
            Reason.NO_LICENCE_CONFIGURED,
            f"{lack}. None of the configured licences ({', '.join(policy.licence_skus)}) is bought and would give both.",
        )
    seat = next((sku for sku in fitting if sku.free_seats > 0 or sku.id in user.sku_ids), None)
    if seat is None:
        return _no_seat(case, lack, fitting, now)
    return _assign(case, user, seat, lack, policy, now)


def _fitting(user: User, tenant: TenantFacts, policy: Policy) -> list[Sku]:
    bought = {sku.part_number: sku for sku in tenant.skus}
    preferred = (bought[part] for part in policy.licence_skus if part in bought)
    return [sku for sku in preferred if covers(user.enabled_plan_ids | sku.plan_ids)]


def _asked_since(case: Case, policy: Policy, now: datetime) -> datetime | None:
    """When the licence was first asked for in this try: asking again must not start the time anew."""
    asked = case.licence.requested_at if case.licence is not None else None
    return asked if asked is not None and now - asked <= policy.licence_within else None


def _no_seat(case: Case, lack: str, fitting: list[Sku], now: datetime) -> Decision:
    says = f"{lack}. No free seat of {' or '.join(sku_name(sku.part_number) for sku in fitting)}; nothing is wiped before one appears."
    evidence = {sku.part_number: f"{sku.used} of {sku.seats} seats used" for sku in fitting}
    until = now + LOOK_FOR_SEATS_AFTER
    if case.state is CaseState.AWAITING_SEAT:
        return wait(case, Reason.NO_FREE_SEAT, says, until=until, evidence=evidence)
    return go(CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT, says, evidence=evidence, due=until)


def _assign(case: Case, user: User, sku: Sku, lack: str, policy: Policy, now: datetime) -> Decision:
    if user.usage_location is None and policy.usage_location is None:
        return ask_person(
            Reason.USAGE_LOCATION_MISSING,
            f"{_name(user)} has no usage location, and policy names none; a licence needs one and it is never guessed.",
        )
    evidence = {"licence": sku.part_number, "free seats": sku.free_seats}
    asked_at = _asked_since(case, policy, now) or now
    if policy.mode is Mode.REPORT:
        would = f"assign {sku.part_number} to {user.user_principal_name}"
        return go(
            after_licence(case),
            Reason.LICENCE_WOULD_BE_ASSIGNED,
            f"{lack}. {sku_name(sku.part_number)} would be assigned.",
            evidence=evidence,
            due=_watch_from(case, policy, now),
            would_do=case.would_do if would in case.would_do else (*case.would_do, would),
        )
    return go(
        CaseState.AWAITING_LICENCE,
        Reason.LICENCE_MISSING,
        f"{lack}. Assigning {sku_name(sku.part_number)}.",
        evidence=evidence,
        due=now + LOOK_FOR_PLANS_AFTER,
        effect=AssignLicence(
            user_id=user.id,
            sku_id=sku.id,
            set_usage_location=policy.usage_location if user.usage_location is None else None,
        ),
        licence=LicenceRequest(sku_id=sku.id, part_number=sku.part_number, requested_at=asked_at),
    )


def await_licence(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide AWAITING_LICENCE: the plans must read Success before anything else happens."""
    assert case.owner is not None
    request = case.licence
    if request is not None and request.refused is not None:
        return _refused(case, request, now)
    plans = facts.plans or ()
    if provisioned(plans):
        return go(
            after_licence(case),
            Reason.LICENCE_IN_PLACE,
            f"{case.owner.display_name}'s Intune and Entra ID P1 plans are provisioned.",
            evidence=_plan_evidence(plans),
            due=_watch_from(case, policy, now),
            effect=_sync(case, policy),
            licence_seen_at=now,
        )
    since = request.requested_at if request is not None else case.entered_at or case.moved_at
    if now - since > policy.licence_within:
        return ask_person(
            Reason.LICENCE_TOO_SLOW,
            f"The licence's plans are still not provisioned after {in_words(now - since)}.",
            evidence=_plan_evidence(plans),
        )
    never_arrived = request is not None and all(plan.sku_id != request.sku_id for plan in plans)
    if request is not None and never_arrived and now - request.requested_at >= SEND_AGAIN_AFTER:
        return go(CaseState.CHECKING_LICENCE, Reason.LICENCE_MISSING, "The licence has not shown; checking again.")
    return wait(
        case,
        Reason.LICENCE_PROVISIONING,
        "The licence is assigned; its plans are not provisioned yet.",
        until=now + LOOK_FOR_PLANS_AFTER,
        evidence=_plan_evidence(plans),
    )


def _plan_evidence(plans: Collection[PlanStatus]) -> dict[str, str]:
    """The status of each plan that decides; of two licences with the same plan, the one that is provisioned counts."""
    decisive = [plan for plan in plans if plan.plan_id in INTUNE_PLANS | ENTRA_PREMIUM_PLANS]
    return {plan.name or plan.plan_id: plan.status for plan in sorted(decisive, key=lambda p: p.status == "Success")}


def _refused(case: Case, request: LicenceRequest, now: datetime) -> Decision:
    text = (request.refused or "").lower()
    if "available licenses" in text or "countviolation" in text:
        return go(
            CaseState.AWAITING_SEAT,
            Reason.NO_FREE_SEAT,
            f"The last seat of {sku_name(request.part_number)} went to somebody else.",
            due=now + LOOK_FOR_SEATS_AFTER,
            licence=None,
        )
    reason = Reason.USAGE_LOCATION_MISSING if "usage location" in text else Reason.LICENCE_REFUSED
    return ask_person(
        reason,
        f"Microsoft Entra refused the licence: {request.refused}",
        evidence={"licence": request.part_number},
        licence=None,
    )


def after_licence(case: Case) -> CaseState:
    """An enrolled device is watched for a cheaper fix; a PC before its first sign-in goes straight on."""
    if not case.enrolled or case.journey is Journey.PREPARE:
        return CaseState.CHECKING_READINESS
    return CaseState.SENDING_INSTRUCTIONS if case.journey is Journey.PERSONAL else CaseState.WATCHING


def _watch_from(case: Case, policy: Policy, now: datetime) -> datetime | None:
    if after_licence(case) is not CaseState.WATCHING or case.readings is None:
        return None
    if _licence_may_mend(case):
        return now + LOOK_FOR_MENDING_AFTER
    return max(now, case.readings.first_at + policy.noncompliant_for)


def _sync(case: Case, policy: Policy) -> SyncDevice | None:
    """A check-in lets Intune evaluate the device again; only worth a request where the licence may have mended it."""
    if case.device is None or not _licence_may_mend(case) or policy.mode is Mode.REPORT:
        return None
    return SyncDevice(managed_device_id=case.device.managed_device_id)


def _licence_may_mend(case: Case) -> bool:
    """The owner enrolled the device and only now got the licence: compliance may return without a wipe."""
    assert case.owner is not None
    enrolled_by = case.device.enrolment_user_id if case.device is not None else None
    return case.licence is not None and (enrolled_by or "").lower() == case.owner.user_id.lower()


def _name(user: User) -> str:
    return user.display_name or user.user_principal_name


def _holds(user: User, tenant: TenantFacts) -> str:
    """What the user holds, in the words of the product list."""
    skus = [sku for sku_id in user.sku_ids if (sku := tenant.sku(sku_id)) is not None]
    if not skus:
        return "has no licence" if not user.sku_ids else "has licences this tenant no longer lists"
    names = " and ".join(sku_name(sku.part_number) for sku in skus)
    plans, which_contain = user.enabled_plan_ids, "which contains" if len(skus) == 1 else "which contain"
    if covers(plans):
        return f"has {names}, with Intune and Entra ID P1"
    if plans & INTUNE_PLANS:
        return f"has {names}: Intune, but no Entra ID P1"
    if any(sku.plan_ids & INTUNE_PLANS for sku in skus):
        return f"has {names}, but Intune is not switched on in it"
    if BASIC_MOBILITY in plans:
        return f"has {names}, {which_contain} Basic Mobility and Security, not Intune"
    return f"has {names}, without Intune"
