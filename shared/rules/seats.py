"""Which licence an owner is to get, in which way, and whether there is a seat: direct, by group, or by swap."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.effects import AssignLicence, JoinLicenceGroup, ReprocessLicences
from shared.domain.facts import HeldLicence, LicenceGroup, Sku, TenantFacts, User
from shared.domain.policy import LicenceWay, Policy
from shared.domain.reasons import Reason
from shared.rules.licence_answers import no_seat, refused
from shared.rules.plans import PLAN_NAMES, covers, needed, plan_names
from shared.rules.sku_names import sku_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One way to the licence: what would be done, in words, and the seats that it takes."""

    sku: Sku
    effect: AssignLicence | JoinLicenceGroup | ReprocessLicences
    doing: str
    """A sentence: what is being done."""
    would: str
    """The same for report mode, without a subject: ``assign SPB to ...``."""
    takes: tuple[Sku, ...]
    """Products of which a seat is needed; empty where the user already has one of each."""
    lost: str = ""
    """Names of the plans that the owner loses."""
    only_assigns: bool = False
    """A product is assigned and nothing else changes."""

    @property
    def full(self) -> tuple[Sku, ...]:
        """Those of the products needed that have no free seat."""
        return tuple(sku for sku in self.takes if sku.free_seats == 0)


def direct_plans(user: User, tenant: TenantFacts, policy: Policy) -> list[Plan]:
    """What an assignment to the user would look like, best first; without those that would not be enough."""
    bought = {sku.part_number: sku for sku in tenant.skus}
    preferred = [bought[part] for part in policy.licence_skus if part in bought]
    fitting = [sku for sku in preferred if covers(user.enabled_plan_ids | sku.plan_ids)]
    held = [sku for sku in fitting if sku.id in user.sku_ids]  # no seat is needed for these
    return [_direct(user, sku, tenant, policy) for sku in (*held, *(sku for sku in fitting if sku not in held))]


def _direct(user: User, sku: Sku, tenant: TenantFacts, policy: Policy) -> Plan:
    location = policy.usage_location if user.usage_location is None else None
    name, who = sku_name(sku.part_number), user.user_principal_name
    if sku.id in user.sku_ids:
        off, on = _switching_on(user, sku)
        switched = plan_names(on)
        return Plan(
            sku=sku,
            effect=AssignLicence(
                user_id=user.id, sku_id=sku.id, set_usage_location=location, disabled_plan_ids=tuple(sorted(off))
            ),
            doing=f"Switching on {switched} in {name}." if switched else f"Assigning {name}.",
            would=f"switch on {switched} in {sku.part_number} of {who}"
            if switched
            else f"assign {sku.part_number} to {who}",
            takes=(),
            only_assigns=not switched,
        )
    taken = list(_swapped(user, sku, tenant, policy))
    lost = _lost(user, sku, taken, tenant)
    names = " and ".join(sku_name(each.part_number) for each in taken)
    parts = " and ".join(each.part_number for each in taken)
    return Plan(
        sku=sku,
        effect=AssignLicence(
            user_id=user.id,
            sku_id=sku.id,
            set_usage_location=location,
            remove_sku_ids=tuple(each.id for each in taken),
        ),
        doing=f"Swapping {names} for {name}. {lost or 'No plan is lost.'}" if taken else f"Assigning {name}.",
        would=f"swap {parts} for {sku.part_number} of {who}" if taken else f"assign {sku.part_number} to {who}",
        takes=(sku,),
        lost=lost,
        only_assigns=not taken,
    )


def _switching_on(user: User, sku: Sku) -> tuple[frozenset[str], frozenset[str]]:
    """Which plans stay off in a product that the user has, and which are switched on."""
    ways = [held.disabled_plan_ids for held in user.licences if held.sku_id == sku.id and held.error is None]
    off = frozenset(plan for way in ways[:1] for plan in way if all(plan in other for other in ways))
    on = needed(user.enabled_plan_ids, off & sku.plan_ids)
    return off - on, on


def _swapped(user: User, sku: Sku, tenant: TenantFacts, policy: Policy) -> Iterator[Sku]:
    """Products that go in the same write: on the administrators' list, and assigned to the user and to no group of theirs."""
    if policy.licence_way is not LicenceWay.SWAP:
        return
    by_group = {held.sku_id for held in user.licences if not held.direct}
    direct = dict.fromkeys(held.sku_id for held in user.licences if held.direct and held.error is None)
    for sku_id in direct:
        held = tenant.sku(sku_id)
        listed = held is not None and held.part_number in policy.licence_swap_from
        if held is not None and listed and held.id != sku.id and sku_id not in by_group:
            yield held


def _lost(user: User, sku: Sku, taken: list[Sku], tenant: TenantFacts) -> str:
    """A warning that names every plan the user has now and would not have afterwards."""
    gone = {each.id for each in taken}
    stays = set(sku.plan_ids)
    for held in user.licences:
        if held.error is None and held.sku_id not in gone and (other := tenant.sku(held.sku_id)) is not None:
            stays |= other.plan_ids - held.disabled_plan_ids
    off = {
        plan for held in user.licences if held.sku_id in gone and held.error is None for plan in held.disabled_plan_ids
    }
    names = {
        each.plan_names.get(plan, PLAN_NAMES.get(plan, plan)) for each in taken for plan in each.plan_ids - stays - off
    }
    return f"Plans that go with it: {', '.join(sorted(names))}." if names else ""


def group_plan(user: User, group: LicenceGroup, tenant: TenantFacts, policy: Policy) -> Plan | None:
    """What membership of the group would give, or None when that would not be enough.

    One product of a group without a free seat blocks all of its products, so each of them needs a seat.
    """
    products = [(sku, disabled) for sku_id, disabled in group.products if (sku := tenant.sku(sku_id)) is not None]
    plans = frozenset[str]().union(*(sku.plan_ids - disabled for sku, disabled in products))
    if not products or not covers(user.enabled_plan_ids | plans):
        return None
    stuck = any(each.error for each in states_by(user, group.id))
    return Plan(
        sku=next((sku for sku, _ in products if needed(user.enabled_plan_ids, sku.plan_ids)), products[0][0]),
        effect=ReprocessLicences(user_id=user.id)
        if stuck
        else JoinLicenceGroup(
            user_id=user.id,
            group_id=group.id,
            set_usage_location=policy.usage_location if user.usage_location is None else None,
        ),
        doing=f"The licences of the group {group.name} could not be given; asking Microsoft Entra to try again."
        if stuck
        else f"Adding the user to the group {group.name}, which gives {_named(products)}.",
        would=f"have the licences of {user.user_principal_name} worked out again"
        if stuck
        else f"add {user.user_principal_name} to the group {group.name}",
        takes=tuple(sku for sku, _ in products if sku.id not in user.sku_ids),
    )


def _named(products: list[tuple[Sku, frozenset[str]]]) -> str:
    return " and ".join(sku_name(sku.part_number) for sku, _ in products)


def states_by(user: User, group_id: str) -> tuple[HeldLicence, ...]:
    """What the group gives the user, or tries to."""
    return tuple(held for held in user.licences if (held.group_id or "").lower() == group_id.lower())


def trouble_by(user: User, group_id: str) -> str | None:
    """The error that stands in the way of the group's licences; of several the one that a person must mend comes first."""
    errors = sorted(
        {held.error for held in states_by(user, group_id) if held.error is not None},
        key=lambda error: (may_pass(error), error),
    )
    return errors[0] if errors else None


def may_pass(error: str) -> bool:
    """A seat may appear, and ``Other`` may be over when it is tried again."""
    return no_seat(error) or refused(error, "")[0] is Reason.LICENCE_REFUSED
