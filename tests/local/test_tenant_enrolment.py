"""Who comes back from a wipe: sign-in at OOBE, licences that are missing, the status page, and compliance after it."""

import pytest

from local.tenant.model.machines import Esp, Place
from local.tenant.model.tenant import TenantModel
from tests.local.simulated_tenant import (
    DAY,
    HOUR,
    MINUTE,
    OWNER,
    SERIAL,
    SPB,
    STAGING,
    bind_and_wipe,
    device,
    license_owner,
    machine,
    registration,
    story,
    wipe,
)


def _back(model: TenantModel) -> TenantModel:
    """The tenant four hours after the owner, licensed, was given the device."""
    license_owner(model)
    bind_and_wipe(model)
    model.clock.advance(4 * HOUR)
    return model


def test_the_device_comes_back_under_the_assigned_user_as_a_new_enrolment() -> None:
    model = story()
    license_owner(model)
    before = device(model)
    wiped_at = model.clock.now()
    bind_and_wipe(model)
    model.clock.advance(4 * HOUR)
    after = device(model)
    assert after.id != before.id
    assert (after.serial, after.entra_device_id) == (before.serial, before.entra_device_id)
    assert (after.upn, after.enrolled_by) == (OWNER, OWNER)
    assert after.user_id == model.users.require(OWNER).id
    assert after.enrolled_at == wiped_at + 12 * MINUTE + 2 * HOUR
    assert after.profile_name == "Entra user-driven"
    assert (registration(model).managed_device_id, registration(model).enrollment_state) == (after.id, "enrolled")


def test_compliance_is_unknown_until_it_is_evaluated() -> None:
    model = story()
    license_owner(model)
    bind_and_wipe(model)
    model.clock.advance(2 * HOUR + 20 * MINUTE)
    assert device(model).compliance == "unknown"
    model.clock.advance(20 * MINUTE)
    assert device(model).compliance == "compliant"


def test_a_device_with_a_defect_is_noncompliant_whoever_enrols_it() -> None:
    model = _back(story(device={"defects": ["WindowsPolicy.BitLockerEnabled"]}))
    assert device(model).compliance == "noncompliant"
    assert device(model).failing == ("WindowsPolicy.BitLockerEnabled",)


def test_a_user_who_loses_the_licence_before_the_evaluation_is_noncompliant() -> None:
    model = story()
    license_owner(model)
    bind_and_wipe(model)
    model.clock.advance(2 * HOUR + 20 * MINUTE)
    model.licences.assign(OWNER, add=[], remove=[SPB])
    model.clock.advance(HOUR)
    assert device(model).compliance == "noncompliant"
    assert device(model).failing == ("DefaultDeviceCompliancePolicy.RequireUserExistence",)


def test_nobody_assigned_means_nobody_signs_in() -> None:
    model = story()
    license_owner(model)
    wipe(model)
    model.clock.advance(30 * DAY)
    assert machine(model).place is Place.OOBE


def test_a_user_without_intune_is_refused_and_the_reason_is_written_down() -> None:
    model = story(timeline=[{"after": "wiped", "delay": "PT1H", "do": "sign_in", "device": SERIAL, "user": OWNER}])
    wipe(model)
    model.clock.advance(4 * HOUR)
    assert machine(model).place is Place.OOBE
    (failure,) = model.troubleshooting.failures
    assert failure.category == "userValidation"
    assert "0x80180018" in failure.reason
    assert registration(model).enrollment_state == "failed"


def test_a_user_who_was_refused_tries_again_once_licensed() -> None:
    model = story(timeline=[{"after": "wiped", "do": "sign_in", "device": SERIAL, "user": OWNER}])
    wipe(model)
    model.clock.advance(HOUR)
    license_owner(model)
    model.clock.advance(4 * HOUR)
    assert device(model).upn == OWNER


def test_the_timeline_may_send_somebody_else_to_the_sign_in_page() -> None:
    item = {"after": "wiped", "delay": "PT1H", "do": "sign_in", "device": SERIAL, "user": STAGING}
    model = _back(story(timeline=[item]))
    assert device(model).upn == STAGING
    assert device(model).enrolled_at == model.clock.start + 5 * MINUTE + 12 * MINUTE + HOUR


def test_a_sign_in_during_the_wipe_waits_for_oobe() -> None:
    item = {"after": "wipe", "delay": "PT1M", "do": "sign_in", "device": SERIAL, "user": OWNER}
    model = story(timeline=[item])
    license_owner(model)
    wipe(model)
    model.clock.advance(12 * MINUTE)
    assert device(model).upn == OWNER


def test_the_timeline_may_let_nobody_sign_in() -> None:
    model = _back(story(timeline=[{"at": "PT0S", "do": "sign_in", "device": SERIAL, "user": None}]))
    model.clock.advance(30 * DAY)
    assert machine(model).place is Place.OOBE


def test_signing_in_on_a_device_in_use_is_a_log_on() -> None:
    model = story()
    before = device(model)
    model.enrolment.sign_in(SERIAL, STAGING)
    assert [log_on.user_id for log_on in device(model).logged_on] == [
        model.users.require(STAGING).id,
        model.users.require(OWNER).id,
    ]
    assert device(model).id == before.id


def test_a_status_page_that_fails_leaves_an_event_and_no_compliance() -> None:
    model = _back(story(device={"esp": "failure"}))
    (deployment,) = model.troubleshooting.deployments
    assert deployment.state == "failure"
    assert device(model).compliance == "unknown"


def test_a_status_page_that_succeeds_leaves_an_event_too() -> None:
    model = _back(story())
    (deployment,) = model.troubleshooting.deployments
    assert (deployment.state, deployment.serial, deployment.upn) == ("success", SERIAL, OWNER)


def test_a_user_who_has_enrolled_enough_devices_is_refused() -> None:
    model = story(
        tenant={"device_limit": 1},
        devices=[
            {"serial": SERIAL, "name": "PC-0427", "enrolled_by": STAGING},
            {"serial": "OTHER-1", "enrolled_by": OWNER},
        ],
    )
    license_owner(model)
    model.enrolment.re_enrol(SERIAL, OWNER)
    assert model.troubleshooting.failures[-1].category == "enrollmentRestrictionsEnforced"


def test_a_disabled_user_cannot_enrol() -> None:
    model = story()
    license_owner(model)
    model.users.update(OWNER, enabled=False)
    model.enrolment.re_enrol(SERIAL, OWNER)
    assert machine(model).place is Place.OOBE
    assert model.troubleshooting.failures[-1].category == "userValidation"


def test_the_entra_device_can_be_a_new_one() -> None:
    before = device(story()).entra_device_id
    model = _back(story(device={"keeps_entra_device_id": False}))
    assert device(model).entra_device_id != before
    assert model.entra_devices.find(device(model).entra_device_id) is not None


def test_a_hybrid_profile_gives_a_hybrid_join() -> None:
    model = story(tenant={"autopilot_profiles": [{"name": "Hybrid", "join": "hybrid"}]})
    assert _back(model).managed_devices.store.get(device(model).id) is not None
    assert device(model).join_type == "hybridAzureADJoined"


def test_a_renamed_user_is_still_the_same_user() -> None:
    model = _back(story())
    model.users.rename(OWNER, "new.name@contoso.example")
    assert device(model).user_id == model.users.require("NEW.NAME@contoso.example").id
    assert model.users.find(OWNER) is None


def test_a_staging_enrolment_stays_noncompliant_whatever_licence_the_owner_gets() -> None:
    model = story()
    license_owner(model)
    model.actions.sync(device(model).id)
    model.clock.advance(10 * DAY)
    assert device(model).compliance == "noncompliant"


@pytest.mark.parametrize(("fix", "hours"), [("licence", 1), ("sync", 1), ("time", 7)])
def test_a_cheaper_fix_mends_a_device_that_only_needed_that(fix: str, hours: int) -> None:
    model = story(device={"mended_by": fix})
    if fix == "licence":
        license_owner(model)
    elif fix == "sync":
        model.actions.sync(device(model).id)
    assert device(model).compliance == "noncompliant"
    model.clock.advance(hours * HOUR)
    assert device(model).compliance == "compliant"


def test_grace_ends_by_itself() -> None:
    model = story(device={"compliance": "compliant"})
    model.compliance.set(device(model).id, "inGracePeriod")
    assert device(model).grace_expires_at == model.clock.now() + DAY
    model.clock.advance(DAY)
    assert device(model).compliance == "noncompliant"


def test_a_status_page_may_be_told_to_fail_by_the_timeline() -> None:
    item = {"after": "wiped", "do": "sign_in", "device": SERIAL, "user": OWNER, "esp": "failure"}
    model = _back(story(timeline=[item]))
    assert model.troubleshooting.deployments[-1].state == "failure"
    assert machine(model).esp is Esp.SUCCESS


def test_grace_that_runs_at_the_start_ends_too() -> None:
    model = story(device={"compliance": "inGracePeriod"})
    model.clock.advance(DAY)
    assert device(model).compliance == "noncompliant"
