"""Who is in the tenant of the black box: devices that need a new owner, and some that must not be wiped."""

from datetime import UTC, datetime

from local.tenant.scenario import Scenario, parse

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STAGING = "staging@contoso.example"
UNTOUCHABLE_ONE_IN = 8
"""So many devices for one that must not be wiped: its owner is disabled, or it is compliant."""


def serials(cases: int) -> list[str]:
    """Of the devices that are to be handed over."""
    return [f"CASE{number:05}" for number in range(cases)]


def untouchable(cases: int) -> list[str]:
    """Serial numbers of the devices that must never be wiped, however often somebody reports them."""
    return [f"KEEP{number:05}" for number in range(max(2, cases // UNTOUCHABLE_ONE_IN))]


def scenario(cases: int) -> Scenario:
    """The story's tenant, ``cases`` times. Every device has an owner of its own, so that no limit by owner holds it."""
    return parse(
        {
            "title": "the black box",
            "start": START.isoformat(),
            "seed": 1,
            "settings": _settings(),
            "tenant": {
                "id": "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01",
                "domain": "contoso.example",
                "skus": [
                    {"part": "SPB", "seats": 2 * cases + 10},
                    {"part": "O365_BUSINESS_PREMIUM", "seats": 2 * cases + 10},
                ],
                "other_devices": {"enrolled": 100_000, "noncompliant": 0},
            },
            "users": [
                {"upn": STAGING, "name": "Staging", "licences": ["SPB"]},
                *(_user(serial) for serial in serials(cases)),
                *(_user(serial) for serial in untouchable(cases)),
            ],
            "devices": [
                *(_device(serial, "noncompliant") for serial in serials(cases)),
                *(_device(serial, _state(number)) for number, serial in enumerate(untouchable(cases))),
            ],
        }
    )


def owner_of(serial: str) -> str:
    """Who the device is for."""
    return f"{serial.lower()}@contoso.example"


def disabled(cases: int) -> list[str]:
    """Owners whose accounts are disabled at the start."""
    return [owner_of(serial) for number, serial in enumerate(untouchable(cases)) if _state(number) == "noncompliant"]


def _state(number: int) -> str:
    return "compliant" if number % 2 else "noncompliant"


def _user(serial: str) -> dict[str, object]:
    return {
        "upn": owner_of(serial),
        "name": f"Owner of {serial}",
        "usage_location": "GB",
        "licences": ["O365_BUSINESS_PREMIUM"],
    }


def _device(serial: str, compliance: str) -> dict[str, object]:
    failing = ["DefaultDeviceCompliancePolicy.RequireUserExistence"] if compliance == "noncompliant" else []
    return {
        "serial": serial,
        "enrolled_by": STAGING,
        "compliance": compliance,
        "failing": failing,
        "logged_on": [owner_of(serial)],
    }


def _settings() -> dict[str, str]:
    """As permissive as settings can be, so that what keeps a wipe back is never a limit; and short waiting times."""
    return {
        "HANDOVER_MODE": "auto",
        "HANDOVER_NONCOMPLIANT_HOURS": "1",
        "HANDOVER_WIPES_PER_HOUR": "100",
        "HANDOVER_WIPES_PER_DAY": "150",
        "HANDOVER_WIPES_PER_DAY_PERCENT": "100",
        "HANDOVER_WIPES_IN_FLIGHT": "100",
        "HANDOVER_RAMP": "99",
        "HANDOVER_UNKNOWN_WIPES": "10",
        "HANDOVER_ERROR_FREE_WIPES": "0",
        "HANDOVER_ERROR_PERCENT": "100",
        "HANDOVER_SPIKE_DEVICES": "100000",
        "HANDOVER_SPIKE_PERCENT": "100",
        "HANDOVER_SPIKE_FLOOR": "1000",
    }
