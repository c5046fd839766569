"""The page of the tenant: its readiness, a person's word on automatic enrolment, licences, and what is configured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.console.case_page import CheckLine, Fact, check_line
from shared.console.charts import Bar, used
from shared.console.times import Moment, Times
from shared.console.words import Pill
from shared.domain.facts import DeviceLimit, EnrolmentConfiguration, EnrolmentStatusPage, Sku, TenantFacts
from shared.domain.policy import Policy
from shared.rules.plans import ENTRA_PREMIUM_PLANS, INTUNE_PLANS, covers
from shared.rules.sku_names import sku_name
from shared.rules.tenant_checks import tenant_checks

_YES = Pill(text="yes", tone="good")
_NO = Pill(text="no", tone="quiet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something that exists, with a judgement."""

    name: str
    pill: Pill
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuLine:
    """One product that the tenant has bought."""

    name: str
    part_number: str
    intune: Pill
    entra: Pill
    covers: bool
    free: int
    seats: int
    bar: Bar
    assigned: Pill | None
    """Handover may assign it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPage:
    """Everything the template shows."""

    read: Moment | None
    read_ago: str
    trouble: str
    checks: tuple[CheckLine, ...]
    skus: tuple[SkuLine, ...]
    attestation: tuple[Fact, ...]
    profiles: tuple[Noted, ...]
    status_pages: tuple[Noted, ...]
    limits: tuple[Noted, ...]


def tenant_page(facts: TenantFacts | None, trouble: str, policy: Policy, times: Times) -> TenantPage:
    """The page; ``trouble`` says why nothing newer could be read."""
    return TenantPage(
        read=None if facts is None else times(facts.read_at),
        read_ago="" if facts is None else times.distance(facts.read_at),
        trouble=trouble,
        checks=tuple(check_line(check) for check in tenant_checks(facts, policy, times.now)),
        skus=() if facts is None else tuple(line for _, line in seats_of(facts.skus, policy)),
        attestation=tuple(_attestation(policy, times)),
        profiles=(),
        status_pages=() if facts is None else tuple(_status_page(page) for page in _ranked(facts.status_pages)),
        limits=() if facts is None else tuple(_limits(facts)),
    )


def seats_of(skus: Sequence[Sku], policy: Policy) -> list[tuple[Sku, SkuLine]]:
    """Every product as a line, those that let a user enrol first."""
    found = [(sku, _sku(sku, policy)) for sku in skus]
    return sorted(found, key=lambda pair: (not pair[1].covers, pair[1].assigned is None, pair[1].name.lower()))


def _sku(sku: Sku, policy: Policy) -> SkuLine:
    if not sku.enabled:
        assigned = Pill(text="not enabled", tone="bad")
    elif sku.part_number in policy.licence_skus:
        assigned = Pill(text="Handover assigns it", tone="wait")
    else:
        assigned = None
    return SkuLine(
        name=sku_name(sku.part_number),
        part_number=sku.part_number,
        intune=_YES if sku.plan_ids & INTUNE_PLANS else _NO,
        entra=_YES if sku.plan_ids & ENTRA_PREMIUM_PLANS else _NO,
        covers=covers(sku.plan_ids),
        free=sku.free_seats,
        seats=sku.seats,
        bar=used(sku.used, sku.seats),
        assigned=assigned,
    )


def _attestation(policy: Policy, times: Times) -> Iterator[Fact]:
    word = policy.enrolment_attestation
    if word is None:
        yield Fact(name="Attested", value="by nobody: no device is wiped without it")
        return
    until = word.on + word.valid_for
    over = times.now.date() > until
    yield Fact(name="Attested by", value=word.by)
    yield Fact(name="On", value=f"{word.on}")
    yield Fact(name="MDM user scope", value=word.scope)
    if word.group_ids:
        yield Fact(name="Its groups", value=", ".join(word.group_ids), code=True)
    left = (until - times.now.date()) // timedelta(days=1)
    yield Fact(name="Good until", value=f"{until}, {'over' if over else f'{left} days left'}")


def _ranked(pages: Sequence[EnrolmentStatusPage]) -> list[EnrolmentStatusPage]:
    return sorted(pages, key=lambda page: (page.is_default, page.priority, page.name))


def _status_page(page: EnrolmentStatusPage) -> Noted:
    match page.blocks_use:
        case True:
            pill, says = Pill(text="blocks use", tone="good"), "blocks use until apps are in"
        case False:
            pill, says = (
                Pill(text="open", tone="quiet" if page.is_default else "bad"),
                "lets the user in before apps are in",
            )
        case None:
            pill, says = Pill(text="not known", tone="you"), "does not say whether it blocks use"
    return Noted(name=page.name, pill=pill, about=f"{says}; {_reaches(page)}")


def _limits(facts: TenantFacts) -> Iterator[Noted]:
    for limit in facts.device_limits:
        yield Noted(name=f"Devices of one user, {limit.name}", pill=_limit_pill(limit), about=_reaches(limit))
    for restriction in facts.platform_restrictions:
        blocked = restriction.windows_blocked
        pill = (
            Pill(text="blocked", tone="bad")
            if blocked
            else Pill(text="may enrol", tone="good")
            if blocked is False
            else Pill(text="not known", tone="you")
        )
        yield Noted(name=f"Windows, {restriction.name}", pill=pill, about=_reaches(restriction))


def _limit_pill(limit: DeviceLimit) -> Pill:
    if limit.limit is None:
        return Pill(text="not known", tone="you")
    return Pill(text=f"{limit.limit:,}", tone="quiet")


def _reaches(configuration: EnrolmentConfiguration) -> str:
    """Whom it is for, in words."""
    if configuration.is_default:
        return "the default, for everybody"
    if configuration.all_devices:
        return f"for all devices, priority {configuration.priority}"
    if configuration.assigned_to_all:
        return f"for all users, priority {configuration.priority}"
    groups = len(configuration.group_ids)
    return f"for {groups} group{'' if groups == 1 else 's'}, priority {configuration.priority}"
