"""Settings: everything wrong is named at once, nothing that is wrong allows more, and no secret is repeated."""

import os
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from shared.domain.policy import EnrolmentAttestation, Mode, Policy
from shared.settings import Settings

TENANT = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"
OF_OTHERS = ("GRAPH_BASE_URL", "AZURE_CLIENT_ID")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("HANDOVER_", "AZUREWEBJOBSSTORAGE")) or name in OF_OTHERS:
            monkeypatch.delenv(name)


def settings(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]) -> Settings:
    """As the app reads them, from the environment; names without the prefix."""
    for name, value in {"TENANT_ID": TENANT, **given}.items():
        monkeypatch.setenv(f"HANDOVER_{name}", value)
    return Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment


def refusal(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]) -> str:
    with pytest.raises(ValidationError) as caught:
        settings(monkeypatch, given)
    return str(caught.value)


def test_with_nothing_but_the_tenant_handover_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = settings(monkeypatch, {})
    assert bare.policy() == Policy()
    assert bare.policy().mode is Mode.REPORT
    assert (bare.policy().licence_skus, bare.policy().usage_location) == ((), None)
    assert (bare.credential, bare.notification_url, bare.client_state) == ("managed_identity", None, None)
    assert (str(bare.graph_base_url), bare.subscribe_to) == ("https://graph.microsoft.com/", ("users",))


def test_the_tenant_cannot_be_left_out() -> None:
    with pytest.raises(ValidationError, match="tenant_id"):
        Settings()  # pyright: ignore[reportCallIssue]  # that is the point


def test_the_policy_is_what_the_administrators_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "MODE": "approve",
        "STAGING_ACCOUNTS": " Staging*@Contoso.example , ,setup@contoso.example",
        "EXCLUDED_DEVICES": "5CG1,Reception-PC",
        "EXCLUDED_USERS": "CEO@contoso.example",
        "LICENCE_SKUS": "SPB,SPE_E3",
        "USAGE_LOCATION": "GB",
        "ENROLMENT_ATTESTED_BY": "ada@contoso.example",
        "ENROLMENT_ATTESTED_ON": "2026-02-27",
        "ENROLMENT_ATTESTED_SCOPE": "all",
        "NONCOMPLIANT_HOURS": "96",
        "LAST_SYNC_HOURS": "12",
        "REENROL_FOR": "Windows10CompliancePolicy.BitLockerEnabled, Vendor.Custom",
        "WIPES_PER_HOUR": "2",
        "WIPES_PER_DAY": "150",
        "WIPES_IN_FLIGHT": "0",
    }
    assert settings(monkeypatch, given).policy() == Policy(
        mode=Mode.APPROVE,
        staging_accounts=("staging*@contoso.example", "setup@contoso.example"),
        excluded_devices=frozenset({"5cg1", "reception-pc"}),
        excluded_users=frozenset({"ceo@contoso.example"}),
        licence_skus=("SPB", "SPE_E3"),
        usage_location="GB",
        enrolment_attestation=EnrolmentAttestation(by="ada@contoso.example", on=date(2026, 2, 27), scope="all"),
        noncompliant_for=timedelta(hours=96),
        last_sync_within=timedelta(hours=12),
        reenrol_for=frozenset({"windows10compliancepolicy.bitlockerenabled", "vendor.custom"}),
        wipes_per_hour=2,
        wipes_per_day=150,
        wipes_in_flight=0,
    )


@pytest.mark.parametrize(
    "half", [{"ENROLMENT_ATTESTED_BY": "ada@contoso.example"}, {"ENROLMENT_ATTESTED_ON": "2026-02-27"}]
)
def test_half_an_attestation_is_none(monkeypatch: pytest.MonkeyPatch, half: Mapping[str, str]) -> None:
    assert settings(monkeypatch, half).policy().enrolment_attestation is None


def test_the_gate_is_what_the_administrators_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "ENROLMENT_ATTESTED_BY": "ada@contoso.example",
        "ENROLMENT_ATTESTED_ON": "2026-02-27",
        "ENROLMENT_ATTESTED_SCOPE": "some",
        "ENROLMENT_ATTESTED_GROUPS": f" {GROUP.upper()} , {OTHER_GROUP}",
        "EXCLUSION_GROUP": GROUP.upper(),
        "BITLOCKER_KEY": "require",
        "EXPECT_MULTI_ADMIN_APPROVAL": "true",
    }
    policy = settings(monkeypatch, given).policy()
    assert policy.enrolment_attestation is not None
    assert policy.enrolment_attestation.group_ids == (GROUP, OTHER_GROUP)
    assert policy.exclusion_group == GROUP
    assert (policy.recovery_key_required, policy.approval_policy_expected) == (True, True)


def test_fifteen_groups_can_be_attested_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [f"66666666-0000-4000-8000-{number:012}" for number in range(16)]
    assert (
        len(settings(monkeypatch, {"ENROLMENT_ATTESTED_GROUPS": ",".join(groups[:15])}).enrolment_attested_groups) == 15
    )
    assert "at most 15" in refusal(monkeypatch, {"ENROLMENT_ATTESTED_GROUPS": ",".join(groups)})


GROUP, OTHER_GROUP = "66666666-0000-4000-8000-00000000000a", "66666666-0000-4000-8000-00000000000b"
BROKEN = {
    "TENANT_ID": "contoso",
    "MODE": "automatic",
    "CREDENTIAL": "secret",
    "EXCLUDED_DEVICES": "5CG1;5CG2",
    "EXCLUDED_USERS": "ceo@contoso.example; cfo@contoso.example",
    "STAGING_ACCOUNTS": "a;b",
    "LICENCE_SKUS": "SPB;SPE_E3",
    "SUBSCRIBE_TO": "users;groups",
    "USAGE_LOCATION": "gb",
    "ENROLMENT_ATTESTED_ON": "yesterday",
    "ENROLMENT_ATTESTED_SCOPE": "everybody",
    "ENROLMENT_ATTESTED_GROUPS": "66666666-0000-4000-8000-00000000000a;66666666-0000-4000-8000-00000000000b",
    "EXCLUSION_GROUP": "Never touched",
    "BITLOCKER_KEY": "yes",
    "EXPECT_MULTI_ADMIN_APPROVAL": "perhaps",
    "NONCOMPLIANT_HOURS": "0",
    "LAST_SYNC_HOURS": "-1",
    "REENROL_FOR": "Windows10CompliancePolicy.*",
    "WIPES_PER_HOUR": "101",
    "WIPES_PER_DAY": "151",
    "WIPES_IN_FLIGHT": "many",
    "NOTIFICATION_URL": "handover",
    "CLIENT_STATE": "s3cret",
    "CLIENT_STATE_PREVIOUS": "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/client-state)",
}


def test_every_problem_is_named_at_once_and_no_secret_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, {**BROKEN, "EXCLUDED_DEVICE": "5CG3", "WIPES": "9"})
    for name in BROKEN:
        assert f"\n{name.lower()}\n" in said, name
    assert "\nHANDOVER_EXCLUDED_DEVICE\n" in said
    assert "\nHANDOVER_WIPES\n" in said
    assert "Key Vault reference was not resolved" in said
    for value in ("s3cret", "vault.example"):
        assert value not in said


@pytest.mark.parametrize(("name", "value"), BROKEN.items(), ids=BROKEN)
def test_one_broken_setting_stops_the_app_and_is_never_replaced_by_its_default(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert f"\n{name.lower()}\n" in refusal(monkeypatch, {name: value})


@pytest.mark.parametrize("name", ["EXCLUDED_DEVICE", "excluded_user", "WIPE_PER_DAY", "MODUS", ""])
def test_a_name_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert f"HANDOVER_{name}" in refusal(monkeypatch, {name: "x"})


def test_what_the_development_host_keeps_in_the_environment_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, {"LOCAL_KEY": "x"}).policy() == Policy()


@pytest.mark.parametrize("length", [16, 128])
def test_a_secret_of_16_to_128_characters_is_kept_and_not_shown(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    read = settings(monkeypatch, {"CLIENT_STATE": "s" * length})
    assert read.client_state is not None
    assert read.client_state.get_secret_value() == "s" * length
    assert "s" * 16 not in repr(read)


@pytest.mark.parametrize("secret", ["s" * 15, "s" * 129, ""])
def test_any_other_length_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    assert "16 to 128" in refusal(monkeypatch, {"CLIENT_STATE": secret})


@pytest.mark.parametrize("name", ["CLIENT_STATE", "CLIENT_STATE_PREVIOUS"])
def test_a_key_vault_reference_that_was_not_resolved_is_no_secret(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    reference = "@Microsoft.KeyVault(VaultName=handover;SecretName=client-state)"
    assert "Key Vault" in refusal(monkeypatch, {name: reference})


def test_the_names_of_others_are_read_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_BASE_URL", "https://graph.microsoft.us")
    monkeypatch.setenv("AZURE_CLIENT_ID", "the-identity")
    monkeypatch.setenv("AzureWebJobsStorage__queueServiceUri", "https://a.queue.example")
    monkeypatch.setenv("AzureWebJobsStorage__tableServiceUri", "https://a.table.example")
    read = settings(monkeypatch, {})
    assert str(read.graph_base_url) == "https://graph.microsoft.us/"
    assert read.identity_client_id == "the-identity"
    assert (read.storage_queue_uri, read.storage_table_uri) == ("https://a.queue.example", "https://a.table.example")
