"""The life of a wipe in the simulated tenant, and the other actions on devices."""

import pytest

from local.tenant.model.device_actions import WipeFlags
from local.tenant.model.machines import Place
from local.tenant.model.refusal import GraphRefusal
from tests.local.simulated_tenant import (
    APP,
    HOUR,
    MINUTE,
    OWNER,
    SERIAL,
    bind_and_wipe,
    device,
    license_owner,
    machine,
    registration,
    story,
    wipe,
)


def test_a_wipe_is_pending_then_issued_then_the_record_is_gone_and_the_computer_at_oobe() -> None:
    model = story()
    wiped = wipe(model)
    assert device(model).management_state == "wipePending"
    assert [(a.name, a.state) for a in device(model).actions] == [("factoryReset", "pending")]
    model.clock.advance(6 * MINUTE)
    assert device(model).management_state == "wipeIssued"
    assert machine(model).place is Place.RESETTING
    model.clock.advance(6 * MINUTE)
    assert machine(model).place is Place.OOBE
    with pytest.raises(GraphRefusal, match="404"):
        model.managed_devices.get(wiped)


def test_the_autopilot_registration_survives_a_wipe() -> None:
    model = story()
    before = registration(model)
    wipe(model)
    model.clock.advance(HOUR)
    assert registration(model).id == before.id


def test_a_wipe_waits_for_a_device_that_is_offline() -> None:
    model = story(device={"online": False})
    wipe(model)
    model.clock.advance(48 * HOUR)
    assert device(model).management_state == "wipePending"
    model.machines.set_online(SERIAL, True)
    model.clock.advance(12 * MINUTE)
    assert machine(model).place is Place.OOBE


@pytest.mark.parametrize(
    ("end", "management_state", "action_state"),
    [("failed", "wipeFailed", "failed"), ("cancelled", "wipeCanceled", "canceled")],
)
def test_a_wipe_can_fail_or_be_cancelled(end: str, management_state: str, action_state: str) -> None:
    model = story(device={"wipe_ends": end})
    wiped = wipe(model)
    model.clock.advance(HOUR)
    assert device(model).id == wiped
    assert device(model).management_state == management_state
    assert device(model).actions[-1].state == action_state
    assert model.troubleshooting.remote_actions()[-1].state == action_state


def test_a_wipe_that_keeps_the_enrolment_changes_no_user() -> None:
    model = story()
    wiped = wipe(model, WipeFlags(keep_enrollment_data=True))
    model.clock.advance(4 * HOUR)
    assert device(model).id == wiped
    assert device(model).management_state == "managed"
    assert device(model).actions[-1].state == "done"


def test_two_wipes_are_two_wipes_for_the_tenant_but_one_reset() -> None:
    model = story()
    wiped = wipe(model)
    wipe(model)
    model.clock.advance(HOUR)
    assert model.counts.wipes_by_managed_device[wiped] == 2
    assert model.counts.wipes_by_serial[SERIAL.casefold()] == 2
    assert machine(model).place is Place.OOBE


def test_the_wipe_of_a_record_that_is_gone_is_refused_and_not_counted() -> None:
    model = story()
    wiped = wipe(model)
    model.clock.advance(HOUR)
    with pytest.raises(GraphRefusal, match="404"):
        model.managed_devices.require(wiped)
    assert model.counts.wipes == 1


def test_deleting_the_record_first_loses_the_wipe() -> None:
    model = story(device={"online": False})
    wiped = wipe(model)
    model.actions.delete(wiped)
    model.machines.set_online(SERIAL, True)
    model.clock.advance(HOUR)
    assert machine(model).place is Place.UNMANAGED


def test_the_old_record_can_stay_for_a_while_beside_the_new_one() -> None:
    model = story(tenant={"delays": {"record_removal": "PT3H", "sign_in": "PT1H"}})
    license_owner(model)
    wiped = bind_and_wipe(model)
    model.clock.advance(2 * HOUR)
    assert len(model.managed_devices.store) == 2
    model.clock.advance(2 * HOUR)
    assert device(model).id != wiped
    assert device(model).upn == OWNER


def test_the_audit_of_a_wipe_outlives_the_record() -> None:
    model = story()
    wiped = wipe(model)
    model.clock.advance(HOUR)
    (audit,) = model.troubleshooting.remote_actions()
    assert (audit.managed_device_id, audit.action, audit.state) == (wiped, "factoryReset", "done")


def test_an_entra_device_is_unmanaged_after_the_wipe_and_managed_again_after_enrolment() -> None:
    model = story()
    license_owner(model)
    entra_device_id = device(model).entra_device_id
    bind_and_wipe(model)
    model.clock.advance(HOUR)
    mirrored = model.entra_devices.find(entra_device_id)
    assert mirrored is not None
    assert not mirrored.is_managed
    model.clock.advance(4 * HOUR)
    mirrored = model.entra_devices.find(entra_device_id)
    assert mirrored is not None
    assert mirrored.is_managed
    assert mirrored.is_compliant


def test_retire_removes_the_record_and_the_entra_join() -> None:
    model = story()
    model.actions.retire(device(model).id, application_id=APP)
    model.clock.advance(HOUR)
    assert machine(model).place is Place.UNMANAGED
    assert len(model.managed_devices.store) == 0
    assert len(model.entra_devices.store) == 0


def test_a_sync_brings_the_check_in_of_an_online_device_up_to_date() -> None:
    model = story()
    model.clock.advance(3 * HOUR)
    model.actions.sync(device(model).id)
    assert model.managed_devices.last_sync_at(device(model)) == model.clock.now()


def test_a_sync_does_not_reach_a_device_that_is_offline() -> None:
    model = story(device={"online": False})
    before = model.managed_devices.last_sync_at(device(model))
    model.clock.advance(100 * HOUR)
    model.actions.sync(device(model).id)
    assert model.managed_devices.last_sync_at(device(model)) == before


def test_an_online_device_checks_in_by_itself_and_stops_when_it_goes_offline() -> None:
    model = story()
    model.clock.advance(100 * HOUR)
    last = model.managed_devices.last_sync_at(device(model))
    assert model.clock.now() - last < 8 * HOUR
    model.machines.set_online(SERIAL, False)
    model.clock.advance(100 * HOUR)
    assert model.managed_devices.last_sync_at(device(model)) == last
