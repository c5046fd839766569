"""The page of the tenant: its readiness, a person's word on automatic enrolment, licences, and what is configured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.console.case_page import CheckLine, Fact, check_line
from shared.console.charts import Bar, used
from shared.console.times import Moment, Times
from shared.console.words import Pill
from shared.domain.facts import DeviceLimit, EnrolmentConfiguration, EnrolmentStatusPage, Sku, TenantFacts
from shared.domain.policy import Policy
from shared.domain.tenant_setup import INTUNE_DISCOVERY_URL, FoundProfile
from shared.operate.principals import Principal, Role
from shared.operate.see_tenant import SeenTenant
from shared.rules.device_checks import WANTED_PROFILE
from shared.rules.plans import ENTRA_PREMIUM_PLANS, INTUNE_PLANS, covers
from shared.rules.sku_names import sku_name
from shared.rules.tenant_checks import tenant_checks

Json = Mapping[str, Any]
"""Something as a use case tells it."""

_ATTESTED = Pill(text="good", tone="good")
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
class Drift:
    """Whether the tenant still is as it was made; no ``pill`` where nobody looks."""

    pill: Pill | None
    says: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPage:
    """Everything the template shows."""

    read: Moment | None
    read_ago: str
    trouble: str
    checks: tuple[CheckLine, ...]
    skus: tuple[SkuLine, ...]
    attestation: tuple[Fact, ...]
    attested: Pill
    may_attest: bool
    discovery_url: str
    drift: Drift
    profiles: tuple[Noted, ...]
    profiles_known: bool
    status_pages: tuple[Noted, ...]
    limits: tuple[Noted, ...]


def tenant_page(
    seen: SeenTenant, *, word: Json, drift: Json, policy: Policy, who: Principal, times: Times
) -> TenantPage:
    """The page; ``word`` and ``drift`` as their use cases tell them."""
    facts = seen.facts
    return TenantPage(
        read=None if facts is None else times(facts.read_at),
        read_ago="" if facts is None else times.distance(facts.read_at),
        trouble=seen.trouble,
        checks=tuple(check_line(check) for check in tenant_checks(facts, policy, times.now)),
        skus=() if facts is None else tuple(line for _, line in seats_of(facts.skus, policy)),
        attestation=tuple(_attestation(word, times)),
        attested=_ATTESTED if word["problem"] is None else Pill(text=str(word["problem"]), tone="bad"),
        may_attest=who.may(Role.OPERATOR),
        discovery_url=INTUNE_DISCOVERY_URL,
        drift=_drift(drift, times),
        profiles=() if seen.profiles is None else tuple(_profile(each) for each in seen.profiles),
        profiles_known=seen.profiles is not None,
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


def _attestation(shown: Json, times: Times) -> Iterator[Fact]:
    word = shown["counts"]
    if word is None:
        yield Fact(name="Attested", value="by nobody: no device is wiped without it")
        return
    until = date.fromisoformat(word["valid_until"])
    left = (until - times.now.date()).days
    yield Fact(name="Attested by", value=str(word["by"]))
    yield Fact(name="On", value=f"{word['on']}, by {'the settings' if word['from'] == 'settings' else 'a stored word'}")
    yield Fact(name="MDM user scope", value=str(word["scope"]))
    if word["group_ids"]:
        yield Fact(name="Its groups", value=", ".join(word["group_ids"]), code=True)
    if word["discovery_url"]:
        yield Fact(name="Discovery URL", value=str(word["discovery_url"]), code=True)
    yield Fact(name="Good until", value=f"{until}, {'over' if left < 0 else f'{left} days left'}")


_DRIFT = {
    "as_wanted": Pill(text="as wanted", tone="good"),
    "drifted": Pill(text="drifted", tone="bad"),
    "unreadable": Pill(text="not readable", tone="you"),
}


def _drift(found: Json, times: Times) -> Drift:
    if found["at"] is None:
        says = "Not looked yet." if found["looks"] else "Nobody looks: HANDOVER_TENANT_DRIFT is off."
        return Drift(pill=None, says=says, lines=())
    at = times.distance(datetime.fromisoformat(found["at"]))
    return Drift(
        pill=_DRIFT.get(found["state"], Pill(text=str(found["state"]), tone="you")),
        says=f"Compared with the file that was applied, {at}.",
        lines=tuple(map(str, found["lines"])),
    )


def _profile(profile: FoundProfile) -> Noted:
    """A deployment profile, and whether a re-enrolment could go through it."""
    kind = (profile.join, profile.usage, profile.user_type)
    if kind == WANTED_PROFILE:
        pill = Pill(text="fits", tone="good")
    elif None in kind:
        pill = Pill(text="not known", tone="you")
    else:
        pill = Pill(text="other kind", tone="quiet")
    join, usage, user_type = (each or "not known" for each in kind)
    return Noted(name=profile.name, pill=pill, about=f"join {join}, {usage}, user {user_type}; {_assigned(profile)}")


def _assigned(profile: FoundProfile) -> str:
    given = profile.assigned
    if given.all_devices:
        return "for all devices"
    groups = len(given.group_ids)
    return f"for {groups} group{'' if groups == 1 else 's'}" if groups else "assigned to nobody"


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
