"""CHECKING_LICENCE, AWAITING_SEAT, AWAITING_LICENCE: does the owner hold Intune *and* Entra ID P1, and if not, which seat?"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.case import Case, Decision, Journey, LicenceRequest
from shared.domain.effects import JoinLicenceGroup, ReprocessLicences, SyncDevice
from shared.domain.facts import Facts, LicenceGroup, PlanStatus, Sku, TenantFacts, User
from shared.domain.policy import LicenceWay, Mode, Policy
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.rules.decisions import ask_person, go, in_words, wait
from shared.rules.licence_answers import ask_about, no_seat
from shared.rules.plans import ENTRA_PREMIUM_PLANS, INTUNE_PLANS, called, covers, holds, provisioned
from shared.rules.seats import Plan, direct_plans, group_plan, may_pass, trouble_by
from shared.rules.sku_names import sku_name

LOOK_FOR_PLANS_AFTER = timedelta(minutes=5)
SEND_AGAIN_AFTER = timedelta(minutes=10)
LOOK_FOR_SEATS_AFTER = timedelta(hours=1)
LOOK_FOR_MENDING_AFTER = timedelta(hours=8)
GROUP_TAKES_AT_MOST = timedelta(hours=2)
"""Group licensing works in the background: minutes, in a large tenant longer."""


def check_licence(case: Case, facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide CHECKING_LICENCE and AWAITING_SEAT: fine, assign one, wait for a seat, or ask."""
    assert case.owner is not None
    user, tenant = facts.users.get(case.owner.user_id.lower()), facts.tenant
    if not isinstance(user, User) or tenant is None:
        return ask_person(Reason.OWNER_NOT_FOUND, f"{case.owner.display_name} no longer exists.")
    if not user.enabled:
        return ask_person(Reason.OWNER_DISABLED, f"{called(user)}'s account is disabled; it gets no licence.")
    if covers(user.enabled_plan_ids):
        return go(
            CaseState.AWAITING_LICENCE,
            Reason.LICENCE_ASSIGNED,
            f"{called(user)} {holds(user, tenant)}.",
            due=now + LOOK_FOR_PLANS_AFTER if _asked_since(case, policy, now) else None,
        )
    lack = f"{called(user)} {holds(user, tenant)}"
    if policy.licence_way is LicenceWay.GROUP:
        return _by_group(case, user, tenant, facts, lack, policy, now)
    if policy.licence_way is LicenceWay.NONE or not policy.licence_skus:
        return ask_person(
            Reason.NO_LICENCE_CONFIGURED,
            f"{lack}. No licence may be assigned automatically; give one by hand or set HANDOVER_LICENCE_SKUS.",
        )
    plans = direct_plans(user, tenant, policy)
    if not plans:
        return ask_person(
            Reason.NO_LICENCE_CONFIGURED,
            f"{lack}. None of the configured licences ({', '.join(policy.licence_skus)}) is bought and would give both.",
        )
    plan = next((plan for plan in plans if not plan.full), None)
    if plan is None:
        return _no_seat(case, lack, [sku for each in plans for sku in each.full], now)
    if user.usage_location is None and policy.usage_location is None:
        return ask_person(
            Reason.USAGE_LOCATION_MISSING,
            f"{called(user)} has no usage location, and policy names none; a licence needs one and it is never guessed.",
        )
    return _take(case, plan, lack, policy, now)


def _by_group(
    case: Case, user: User, tenant: TenantFacts, facts: Facts, lack: str, policy: Policy, now: datetime
) -> Decision:
    """A group's licence needs no usage location of the user: without one it falls back to the directory's.

    Source: "What is group-based licensing in Microsoft Entra ID".
    """
    group = facts.licence_group
    if not isinstance(group, LicenceGroup):
        return ask_person(
            Reason.LICENCE_GROUP_UNFIT,
            f"{lack}. The group {policy.licence_group or '(none is set)'} of HANDOVER_LICENCE_GROUP does not exist.",
        )
    plan = group_plan(user, group, tenant, policy)
    if plan is None:
        return ask_person(
            Reason.LICENCE_GROUP_UNFIT,
            f"{lack}. The licences of the group {group.name or group.id} would not give both.",
        )
    error = trouble_by(user, group.id)
    if error is not None and not may_pass(error):
        return ask_about(error, f"{lack}. The group {group.name or group.id} could not give its licences")
    if plan.full:
        return _no_seat(case, lack, list(plan.full), now)
    return _take(case, plan, lack, policy, now)


def _asked_since(case: Case, policy: Policy, now: datetime) -> datetime | None:
    """When the licence was first asked for in this try: asking again must not start the time anew."""
    asked = case.licence.requested_at if case.licence is not None else None
    return asked if asked is not None and now - asked <= _takes_at_most(case, policy) else None


def _takes_at_most(case: Case, policy: Policy) -> timedelta:
    by_group = case.licence is not None and case.licence.group_id is not None
    return max(policy.licence_within, GROUP_TAKES_AT_MOST) if by_group else policy.licence_within


def _no_seat(case: Case, lack: str, full: list[Sku], now: datetime) -> Decision:
    says = (
        f"{lack}. No free seat of {' or '.join(sku_name(sku.part_number) for sku in full)}; "
        "nothing is wiped before one appears."
    )
    evidence = {sku.part_number: f"{sku.used} of {sku.seats} seats used" for sku in full}
    until = now + LOOK_FOR_SEATS_AFTER
    if case.state is CaseState.AWAITING_SEAT:
        return wait(case, Reason.NO_FREE_SEAT, says, until=until, evidence=evidence)
    return go(CaseState.AWAITING_SEAT, Reason.NO_FREE_SEAT, says, evidence=evidence, due=until)


def _take(case: Case, plan: Plan, lack: str, policy: Policy, now: datetime) -> Decision:
    evidence: dict[str, str | int | float | bool | None] = {
        "licence": plan.sku.part_number,
        "free seats": plan.sku.free_seats,
    }
    asked_at = _asked_since(case, policy, now) or now
    if policy.mode is Mode.REPORT:
        return go(
            after_licence(case),
            Reason.LICENCE_WOULD_BE_ASSIGNED,
            f"{lack}. {_report(plan)}",
            evidence=evidence,
            due=_watch_from(case, policy, now),
            would_do=case.would_do if plan.would in case.would_do else (*case.would_do, plan.would),
        )
    effect = plan.effect
    return go(
        CaseState.AWAITING_LICENCE,
        Reason.LICENCE_MISSING,
        f"{lack}. {plan.doing}",
        evidence=evidence,
        due=now + LOOK_FOR_PLANS_AFTER,
        effect=effect,
        licence=LicenceRequest(
            sku_id=plan.sku.id,
            part_number=plan.sku.part_number,
            requested_at=asked_at,
            group_id=policy.licence_group if isinstance(effect, JoinLicenceGroup | ReprocessLicences) else None,
            reprocessed_at=now if isinstance(effect, ReprocessLicences) else None,
        ),
    )


def _report(plan: Plan) -> str:
    if plan.only_assigns:
        return f"{sku_name(plan.sku.part_number)} would be assigned."
    return f"It would {plan.would}." + (f" {plan.lost}" if plan.lost else "")


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
    if request is not None and request.group_id is not None:
        user = facts.users.get(case.owner.user_id.lower())
        stuck = _stuck_in_group(case, request, user if isinstance(user, User) else None, plans, policy, now)
        if stuck is not None:
            return stuck
    if now - since > _takes_at_most(case, policy):
        return ask_person(
            Reason.LICENCE_TOO_SLOW,
            f"The licence's plans are still not provisioned after {in_words(now - since)}.",
            evidence=_plan_evidence(plans),
        )
    never_arrived = request is not None and all(plan.sku_id != request.sku_id for plan in plans)
    direct = request is not None and request.group_id is None
    if request is not None and direct and never_arrived and now - request.requested_at >= SEND_AGAIN_AFTER:
        return go(CaseState.CHECKING_LICENCE, Reason.LICENCE_MISSING, "The licence has not shown; checking again.")
    return wait(
        case,
        Reason.LICENCE_PROVISIONING,
        "The licence is assigned; its plans are not provisioned yet.",
        until=now + LOOK_FOR_PLANS_AFTER,
        evidence=_plan_evidence(plans),
    )


def _stuck_in_group(
    case: Case,
    request: LicenceRequest,
    user: User | None,
    plans: Collection[PlanStatus],
    policy: Policy,
    now: datetime,
) -> Decision | None:
    """What stands in the way of the group's licence: no seat waits, what may pass is tried once more, the rest is a person's."""
    assert case.owner is not None and request.group_id is not None
    error = None if user is None else trouble_by(user, request.group_id)
    name = case.owner.display_name
    if error is not None and not may_pass(error):
        return ask_about(error, f"{name} is in the group, which cannot give its licences")
    if error is not None and no_seat(error):
        return go(
            CaseState.AWAITING_SEAT,
            Reason.NO_FREE_SEAT,
            f"{name} is in the group, and no free seat of {sku_name(request.part_number)} is left for it.",
            evidence={"error": error},
            due=now + LOOK_FOR_SEATS_AFTER,
            licence=None,
        )
    slow = all(plan.sku_id != request.sku_id for plan in plans) and now - request.requested_at >= SEND_AGAIN_AFTER
    if request.reprocessed_at is None and (error is not None or slow):
        if not policy.mode.may_write:
            return None
        return wait(
            case,
            Reason.LICENCE_REPROCESSED,
            "The group's licence has not come; asking Microsoft Entra once to work it out again.",
            until=now + LOOK_FOR_PLANS_AFTER,
            evidence={"error": error},
            effect=ReprocessLicences(user_id=case.owner.user_id),
            licence=replace(request, reprocessed_at=now),
        )
    if error is not None and request.reprocessed_at is not None and now - request.reprocessed_at >= SEND_AGAIN_AFTER:
        return ask_person(
            Reason.LICENCE_REFUSED,
            f"{name} is in the group, and Microsoft Entra cannot give its licences ({error}), not even when asked again.",
            evidence={"error": error},
            licence=None,
        )
    return None


def _plan_evidence(plans: Collection[PlanStatus]) -> dict[str, str]:
    """The status of each plan that decides; of two licences with the same plan, the one that is provisioned counts."""
    decisive = [plan for plan in plans if plan.plan_id in INTUNE_PLANS | ENTRA_PREMIUM_PLANS]
    return {plan.name or plan.plan_id: plan.status for plan in sorted(decisive, key=lambda p: p.status == "Success")}


def _refused(case: Case, request: LicenceRequest, now: datetime) -> Decision:
    if no_seat(request.refused or ""):
        return go(
            CaseState.AWAITING_SEAT,
            Reason.NO_FREE_SEAT,
            f"The last seat of {sku_name(request.part_number)} went to somebody else.",
            due=now + LOOK_FOR_SEATS_AFTER,
            licence=None,
        )
    return ask_about(
        request.refused or "", "Microsoft Entra refused the licence", evidence={"licence": request.part_number}
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
