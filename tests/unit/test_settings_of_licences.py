"""Settings about owners and licences: what is not clear is refused, and what is left out gives nothing."""

import pytest
from pydantic import ValidationError

from shared.domain.policy import LicenceWay
from shared.settings import Settings

TENANT = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"
GROUP = "0f5c9a52-7f3c-4a52-8a41-2f6d0c9b0001"


def settings(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in {"TENANT_ID": TENANT, **given}.items():
        monkeypatch.setenv(f"HANDOVER_{name}", value)
    return Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment


def test_by_default_a_licence_is_direct_and_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = settings(monkeypatch).policy()
    assert (policy.licence_way, policy.licence_skus, policy.licence_swap_from) == (LicenceWay.DIRECT, (), ())
    assert (policy.reclaim_staging_licence, policy.owners) == (False, ())


def test_owners_are_read_by_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(monkeypatch, OWNERS="5CG1234XYZ=Ann@contoso.com , AB 12 = zoë.o'neil@contoso.com")
    assert given.policy().owners == (("5cg1234xyz", "Ann@contoso.com"), ("ab 12", "zoë.o'neil@contoso.com"))


@pytest.mark.parametrize(
    "broken",
    [
        {"OWNERS": "5CG1"},
        {"OWNERS": "=ann@contoso.com"},
        {"OWNERS": "5CG1="},
        {"OWNERS": "5CG1=a=b"},
        {"OWNERS": "5CG'1=ann@contoso.com"},
        {"OWNERS": "5CG1=a/b"},
        {"OWNERS": "5CG1=ann@contoso.com,5cg1=bob@contoso.com"},
        {"OWNERS": "5CG1=ann@contoso.com;5CG2=bob@contoso.com"},
        {"LICENCE_WAY": "both"},
        {"LICENCE_WAY": "group"},
        {"LICENCE_WAY": "group", "LICENCE_GROUP": "Intune users"},
        {"LICENCE_WAY": "swap"},
        {"LICENCE_WAY": "swap", "LICENCE_SWAP_FROM": "SPB", "LICENCE_SKUS": "SPB"},
        {"RECLAIM_STAGING_LICENCE": "perhaps"},
    ],
)
def test_what_is_not_clear_is_refused(monkeypatch: pytest.MonkeyPatch, broken: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, **broken)
    assert "@contoso.com" not in str(caught.value).replace("5CG1234XYZ=ann@contoso.com", "")


def test_each_way_with_what_it_needs_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    by_group = settings(monkeypatch, LICENCE_WAY="group", LICENCE_GROUP=GROUP).policy()
    assert (by_group.licence_way, by_group.licence_group) == (LicenceWay.GROUP, GROUP)
    by_swap = settings(monkeypatch, LICENCE_WAY="swap", LICENCE_SWAP_FROM="O365_BUSINESS_PREMIUM").policy()
    assert (by_swap.licence_way, by_swap.licence_swap_from) == (LicenceWay.SWAP, ("O365_BUSINESS_PREMIUM",))
