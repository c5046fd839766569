"""Settings of mails, grace and the hours for wipes: what is broken is refused, never taken for "at any time" or "nobody"."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.domain.weekly_hours import WeeklyHours
from shared.settings import Settings

TENANT = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"


def settings(**given: object) -> Settings:
    return Settings.model_validate({"tenant_id": TENANT, **given})


def test_a_mailbox_a_grace_and_deferrals_are_the_policys() -> None:
    given = settings(mail_from="it@contoso.example", grace_hours=4, deferral_hours=8, deferrals=1)
    policy = given.policy()
    assert (policy.tells_owner, policy.grace, policy.deferral, policy.deferrals) == (
        True,
        timedelta(hours=4),
        timedelta(hours=8),
        1,
    )
    assert settings().policy().tells_owner is False


def test_the_hours_for_wipes_are_read_in_the_time_zone_that_is_set() -> None:
    given = settings(wipe_hours="Sat 00:00-24:00", time_zone="Europe/Berlin")
    assert given.policy().wipe_hours == WeeklyHours.parse("Sat 00:00-24:00", "Europe/Berlin")


@pytest.mark.parametrize("unset", [None, ""])
def test_without_hours_wipes_may_be_sent_at_any_time(unset: str | None) -> None:
    assert settings(wipe_hours=unset).policy().wipe_hours is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wipe_hours", "at night"),
        ("wipe_hours", " "),
        ("wipe_hours", ","),
        ("time_zone", "Berlin"),
        ("time_zone", ""),
        ("time_zone", "../etc/passwd"),
        ("mail_from", ""),
        ("mail_from", "it@contoso.example/x"),
        ("grace_hours", -1),
        ("grace_hours", "a day"),
        ("deferral_hours", 0),
        ("deferrals", 11),
        ("language", "fr"),
        ("teams_webhook", "http://prod.example/workflow"),
        ("teams_webhook", "https://"),
        ("teams_webhook", "https://user@prod.example/workflow"),
        ("teams_webhook", "workflow"),
        ("teams_webhook", "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/teams)"),
    ],
)
def test_what_is_broken_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: value})


def test_the_url_of_the_workflow_is_a_secret() -> None:
    given = settings(teams_webhook="https://prod.example/workflow?sig=secret")
    assert given.teams_webhook is not None
    assert given.teams_webhook.get_secret_value() == "https://prod.example/workflow?sig=secret"
    assert "sig=secret" not in repr(given)
