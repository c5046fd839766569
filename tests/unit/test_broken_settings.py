"""Whatever stands in the environment: it is refused, or it permits no more than what it says plainly and validly."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.policy import EnrolmentAttestation, LicenceWay, Mode, Policy
from shared.domain.weekly_hours import WeeklyHours
from shared.settings import Settings

TENANT = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"
A_GROUP = "66666666-0000-4000-8000-00000000000A"
NAMES = sorted(name.upper() for name, field in Settings.model_fields.items() if field.validation_alias is None)
A_WEEK = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=30) * n for n in range(7 * 48)]

Compare = Callable[[Any, Any], bool]
Environment = Mapping[str, str]


def _more(have: Any, than: Any) -> bool:
    return have > than


def _less(have: Any, than: Any) -> bool:
    return have < than


def _other(have: Any, than: Any) -> bool:
    return bool(have) and have != than


def _lacks(have: frozenset[str], than: frozenset[str]) -> bool:
    return not have >= than


def _adds(have: Any, than: Any) -> bool:
    return not set(have) <= set(than)


def _off(have: Any, than: Any) -> bool:
    return bool(than) and have != than


def _mode(have: Mode, than: Mode) -> bool:
    order = list(Mode)
    return order.index(have) > order.index(than)


def _later(have: date | None, than: date | None) -> bool:
    return have is not None and (than is None or have > than)


def _wider(have: WeeklyHours | None, than: WeeklyHours | None) -> bool:
    if than is None or have == than:
        return False
    return any((have is None or have.is_open(at)) and not than.is_open(at) for at in A_WEEK)


def _steeper(have: tuple[int, ...], than: tuple[int, ...]) -> bool:
    """With some number of devices proven, the next step allows more wipes in all; after the last there is no limit."""
    return any(_allowed(have, proven) > _allowed(than, proven) for proven in range(sum(have) + sum(than) + 1))


def _allowed(ramp: tuple[int, ...], proven: int) -> float:
    sums = [sum(ramp[: n + 1]) for n in range(len(ramp))]
    return next((total for total in sums if total > proven), float("inf"))


def _way(have: LicenceWay, than: LicenceWay) -> bool:
    return have not in (than, LicenceWay.NONE)


PERMITS_MORE: Mapping[str, Compare] = {
    "mode": _mode,
    "staging_accounts": _adds,
    "owners": _adds,
    "excluded_devices": _lacks,
    "excluded_users": _lacks,
    "licence_skus": _adds,
    "usage_location": _other,
    "licence_way": _way,
    "licence_group": _other,
    "licence_swap_from": _adds,
    "reclaim_staging_licence": _more,
    "enrolment_attestation": _other,
    "noncompliant_for": _less,
    "readings_needed": _less,
    "last_sync_within": _more,
    "licence_within": _more,
    "return_within": _more,
    "compliant_within": _more,
    "wipe_seen_within": _more,
    "approval_valid_for": _more,
    "wipes_per_hour": _more,
    "wipes_per_day": _more,
    "wipes_in_flight": _more,
    "serial_rest": _less,
    "exclusion_group": _off,
    "recovery_key_required": _off,
    "approval_policy_expected": _off,
    "approvals_by_one": _more,
    "tells_owner": _off,
    "grace": _less,
    "deferral": _less,
    "deferrals": _less,
    "wipe_hours": _wider,
    "reenrol_for": _adds,
    "auto_until": _later,
    "armed_days": _more,
    "wipes_per_day_percent": _more,
    "ramp": _steeper,
    "spike_percent": _more,
    "spike_devices": _more,
    "spike_factor": _more,
    "spike_floor": _more,
    "error_free_wipes": _less,
    "error_percent": _more,
    "unknown_wipes": _more,
    "back_percent": _less,
    "back_within": _more,
    "serial_wipes_per_year": _more,
    "user_rest": _less,
    "site_wipes_per_hour": _more,
}
"""By field: whether its first value lets more happen, or sooner, than its second."""


def permits_more(policy: Policy, than: Policy) -> frozenset[str]:
    """The fields in which a policy lets more happen than another."""
    return frozenset(name for name, more in PERMITS_MORE.items() if more(getattr(policy, name), getattr(than, name)))


NUMBERS: Mapping[str, tuple[str, int, int]] = {
    "WIPES_PER_HOUR": ("wipes_per_hour", 0, 100),
    "WIPES_PER_DAY": ("wipes_per_day", 0, 150),
    "WIPES_IN_FLIGHT": ("wipes_in_flight", 0, 100),
    "WIPES_PER_DAY_PERCENT": ("wipes_per_day_percent", 1, 100),
    "SPIKE_PERCENT": ("spike_percent", 1, 100),
    "SPIKE_DEVICES": ("spike_devices", 1, 100_000),
    "SPIKE_FACTOR": ("spike_factor", 1, 100),
    "SPIKE_FLOOR": ("spike_floor", 0, 1000),
    "ERROR_FREE_WIPES": ("error_free_wipes", 0, 100),
    "ERROR_PERCENT": ("error_percent", 0, 100),
    "UNKNOWN_WIPES": ("unknown_wipes", 0, 10),
    "BACK_PERCENT": ("back_percent", 0, 100),
    "SERIAL_WIPES_PER_YEAR": ("serial_wipes_per_year", 1, 12),
    "SITE_WIPES_PER_HOUR": ("site_wipes_per_hour", 1, 100),
    "APPROVALS_BY_ONE": ("approvals_by_one", 0, 100),
    "DEFERRALS": ("deferrals", 0, 10),
    "ARMED_DAYS": ("armed_days", 1, 31),
}
HOURS: Mapping[str, tuple[str, int, int]] = {
    "NONCOMPLIANT_HOURS": ("noncompliant_for", 1, 8760),
    "LAST_SYNC_HOURS": ("last_sync_within", 1, 8760),
    "BACK_HOURS": ("back_within", 1, 720),
    "GRACE_HOURS": ("grace", 0, 336),
    "DEFERRAL_HOURS": ("deferral", 1, 168),
}
DAYS: Mapping[str, tuple[str, int, int]] = {
    "SERIAL_REST_DAYS": ("serial_rest", 1, 365),
    "USER_REST_DAYS": ("user_rest", 0, 365),
}
LISTS = {
    "STAGING_ACCOUNTS": "staging_accounts",
    "LICENCE_SKUS": "licence_skus",
    "LICENCE_SWAP_FROM": "licence_swap_from",
}
SETS = {"EXCLUDED_DEVICES": "excluded_devices", "EXCLUDED_USERS": "excluded_users", "REENROL_FOR": "reenrol_for"}


def said(given: Environment) -> Policy:
    """What the environment permits by plain words; where it has none, what Handover does unless told otherwise."""
    values = _choices(given)
    for table, unit in ((NUMBERS, 1), (HOURS, timedelta(hours=1)), (DAYS, timedelta(days=1))):
        for name, (field, least, most) in table.items():
            number = _number(given.get(name, ""))
            if number is not None and least <= number <= most:
                values[field] = number * unit
    for name, field in LISTS.items():
        values[field] = tuple(_words(given, name))
    for name, field in SETS.items():
        values[field] = frozenset(word.lower() for word in _words(given, name))
    values["staging_accounts"] = tuple(word.lower() for word in _words(given, "STAGING_ACCOUNTS"))
    values["owners"] = tuple(_owner(word) for word in _words(given, "OWNERS"))
    if _words(given, "RAMP") and all(re.fullmatch(r"[1-9][0-9]?", word) for word in _words(given, "RAMP")):
        values["ramp"] = tuple(int(word) for word in _words(given, "RAMP"))
    values["usage_location"] = given.get("USAGE_LOCATION")
    values["licence_group"] = given.get("LICENCE_GROUP")
    values["exclusion_group"] = given["EXCLUSION_GROUP"].lower() if "EXCLUSION_GROUP" in given else None
    values["recovery_key_required"] = given.get("BITLOCKER_KEY", "ignore") != "ignore"
    values["approval_policy_expected"] = _yes(given, "EXPECT_MULTI_ADMIN_APPROVAL", unclear=True)
    values["reclaim_staging_licence"] = _yes(given, "RECLAIM_STAGING_LICENCE", unclear=False)
    values["tells_owner"] = "MAIL_FROM" in given
    if "ENROLMENT_ATTESTED_BY" in given and "ENROLMENT_ATTESTED_ON" in given:
        values["enrolment_attestation"] = EnrolmentAttestation(
            by=given["ENROLMENT_ATTESTED_BY"],
            on=date.fromisoformat(given["ENROLMENT_ATTESTED_ON"]),
            scope=given.get("ENROLMENT_ATTESTED_SCOPE", "none"),
            group_ids=tuple(word.lower() for word in _words(given, "ENROLMENT_ATTESTED_GROUPS")),
        )
    return replace(Policy(), **values)


def _choices(given: Environment) -> dict[str, object]:
    values: dict[str, object] = {}
    if given.get("MODE") in list(Mode):
        values["mode"] = Mode(given["MODE"])
    if given.get("LICENCE_WAY") in list(LicenceWay):
        values["licence_way"] = LicenceWay(given["LICENCE_WAY"])
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given.get("AUTO_UNTIL", "")):
        values["auto_until"] = date.fromisoformat(given["AUTO_UNTIL"])
    if given.get("WIPE_HOURS"):
        values["wipe_hours"] = WeeklyHours.parse(given["WIPE_HOURS"], given.get("TIME_ZONE", "UTC"))
    return values


def _number(text: str) -> int | None:
    plain = re.fullmatch(r"\s*[+]?([0-9]+(?:_[0-9]+)*)(?:[.]0+)?\s*", text)
    return int(plain[1]) if plain and len(plain[1]) < 20 else None


def _words(given: Environment, name: str) -> list[str]:
    return [word.strip() for word in re.split("[,;]", given.get(name, "")) if word.strip()]


def _owner(entry: str) -> tuple[str, str]:
    serial, _, owner = entry.partition("=")
    return serial.strip().lower(), owner.strip()


def _yes(given: Environment, name: str, *, unclear: bool) -> bool:
    text = given.get(name, "false").lower()
    return text in {"1", "true", "t", "yes", "y", "on"} or (
        unclear and text not in {"0", "false", "f", "no", "n", "off"}
    )


def read(given: Environment) -> Settings | None:
    """The settings of this environment; None when they are refused."""
    with mock.patch.dict(os.environ, {f"HANDOVER_{name}": value for name, value in given.items()}):
        try:
            return Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
        except ValidationError:
            return None


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("HANDOVER_") or name in ("GRAPH_BASE_URL", "AZURE_CLIENT_ID"):
            monkeypatch.delenv(name)


PLAUSIBLE = (
    *(
        "",
        " ",
        ",",
        ";",
        "0",
        "1",
        "true",
        "false",
        "yes",
        "None",
        "null",
        "nan",
        "inf",
        "1e9",
        "1_0",
        "0x7f",
        "7.0",
        "7.5",
    ),
    *(
        "-1",
        "+3",
        "\u0663",
        "\uff17",
        "101",
        "9999999",
        "off",
        "report",
        "approve",
        "auto",
        "AUTO",
        "auto ",
        "Auto",
        "none",
    ),
    *("direct", "group", "swap", "all", "some", "ignore", "require", "Require", "GB", "gb", "SPB", "SPB,SPE_E3", "a;b"),
    *(
        "2026-03-09",
        "2026-3-9",
        "9999-12-31",
        "1767225600",
        "tomorrow",
        "Europe/Berlin",
        "Mars/Olympus",
        "../etc/passwd",
    ),
    *("Mon-Fri 18:00-06:00", "Mon 00:00-24:00", "Mon-Sun", "always", "1,2,4", "99,99", "1,,2", "1,0", "10, 20"),
    *(
        A_GROUP,
        A_GROUP[:-1],
        TENANT,
        "5CG1=ann@contoso.example",
        "=ann",
        "*",
        "ceo@contoso.example",
        "Reception-PC, 5CG1",
    ),
    *("Windows10CompliancePolicy.BitLockerEnabled", "@Microsoft.KeyVault(SecretUri=https://x)", "https://x.example/y"),
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
VALUES = st.one_of(
    st.sampled_from(PLAUSIBLE), ANY_TEXT, st.integers(-10, 400).map(str), st.integers(-(10**30), 10**30).map(str)
)


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(NAMES), VALUES)
def test_a_setting_is_refused_or_permits_no_more_than_it_says(name: str, value: str) -> None:
    environment = {"TENANT_ID": TENANT, name: value}
    found = read(environment)
    if found is not None:
        policy = found.policy()
        assert permits_more(policy, than=said(environment)) == frozenset()
        assert len(raised := permits_more(policy, than=Policy())) <= 1, f"{name} raises {sorted(raised)}"


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=2, max_size=4))
def test_settings_together_are_refused_or_permit_no_more_than_they_say(given: dict[str, str]) -> None:
    environment = {"TENANT_ID": TENANT, **given}
    found = read(environment)
    if found is not None:
        assert permits_more(found.policy(), than=said(environment)) == frozenset()


@settings(max_examples=100, deadline=None)
@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=20).filter(lambda name: name not in NAMES), VALUES)
def test_a_name_that_is_no_setting_is_refused(name: str, value: str) -> None:
    assert name == "LOCAL_KEY" or read({"TENANT_ID": TENANT, name: value}) is None


def test_every_field_of_a_policy_is_compared() -> None:
    assert set(PERMITS_MORE) == {field.name for field in fields(Policy)} - {"why_not_auto"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", Mode.APPROVE),
        ("wipes_per_hour", 6),
        ("noncompliant_for", timedelta(hours=71)),
        ("excluded_users", frozenset[str]()),
        ("exclusion_group", None),
        ("wipe_hours", None),
        ("wipe_hours", WeeklyHours.parse("Mon 18:00-23:00", "UTC")),
        ("ramp", (3, 4)),
        ("ramp", (1, 2)),
        ("auto_until", date(2026, 3, 10)),
        ("back_percent", 89),
    ],
)
def test_a_policy_that_permits_more_is_seen(field: str, value: object) -> None:
    careful = replace(
        Policy(),
        excluded_users=frozenset({"ceo@contoso.example"}),
        exclusion_group=A_GROUP,
        wipe_hours=WeeklyHours.parse("Mon 18:00-22:00", "UTC"),
        auto_until=date(2026, 3, 9),
        ramp=(1, 2, 4),
    )
    bold = replace(careful, **{field: value})
    assert permits_more(bold, than=careful) == {field}
    assert permits_more(careful, than=bold) == frozenset()
