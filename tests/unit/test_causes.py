"""Which failing setting a re-enrolment mends; every doubt stops it."""

import pytest

from shared.domain.facts import PolicyState, SettingState
from shared.rules.causes import FAILS, PASSES, REMEDIES, MendedBy, Stop, Weighed, weigh
from tests.builders import failing

USER = "DefaultDeviceCompliancePolicy.RequireUserExistence"
ASSIGNED = "DefaultDeviceCompliancePolicy.RequireDeviceCompliancePolicyAssigned"
CONTACT = "DefaultDeviceCompliancePolicy.RequireRemainContact"
BITLOCKER = "Windows10CompliancePolicy.BitLockerEnabled"
TPM = "Windows10CompliancePolicy.TpmRequired"


@pytest.mark.parametrize("name", [USER, ASSIGNED, USER.upper(), ASSIGNED.lower()])
def test_what_hangs_on_the_enrolment_user_is_mended_in_whatever_case_it_is_written(name: str):
    assert weigh(failing(name)) == Weighed(says=f"{name} fails", failing=(name,))


def test_two_settings_that_a_reenrolment_mends_are_both_named():
    assert weigh(failing(USER, ASSIGNED)).says == f"{USER} and {ASSIGNED} fail"


@pytest.mark.parametrize("name", [name for name, remedy in REMEDIES.items() if remedy.by is not MendedBy.REENROLMENT])
def test_nothing_else_is_mended_by_a_reenrolment_and_the_sentence_says_what_mends_it(name: str):
    weighed = weigh(failing(name))

    assert weighed.stops is Stop.NOT_MENDED
    assert weighed.says == f"A re-enrolment mends nothing that fails. {name}: {REMEDIES[name].says}."


def test_a_check_in_is_not_mended_by_a_wipe():
    assert "must check in with Intune" in weigh(failing(CONTACT)).says


@pytest.mark.parametrize("name", [BITLOCKER, CONTACT, "Windows10CompliancePolicy.OsMinimumVersion"])
def test_what_configuration_mends_stands_in_no_reenrolments_way_and_is_named_as_what_remains(name: str):
    weighed = weigh(failing(USER, name))

    assert weighed.stops is None
    assert weighed.says == f"{USER} fails; what remains to be mended after it: {name}: {REMEDIES[name].says}"
    assert weighed.failing == (USER, name)


@pytest.mark.parametrize("name", [name for name, each in REMEDIES.items() if each.by is MendedBy.BEFORE_ANYTHING])
def test_what_a_wipe_cannot_change_comes_first(name: str):
    weighed = weigh(failing(name, USER))

    assert weighed.stops is Stop.COMES_FIRST
    assert weighed.says == (
        f"A re-enrolment would not make it compliant before this is mended. {name}: {REMEDIES[name].says}."
    )


@pytest.mark.parametrize("names", [("Vendor.Custom",), (USER, "Vendor.Custom"), (USER, TPM, "Vendor.Custom")])
def test_a_setting_that_is_not_known_stops_it_whatever_else_fails(names: tuple[str, ...]):
    weighed = weigh(failing(*names))

    assert (weighed.stops, weighed.says) == (Stop.UNKNOWN, "Handover does not know what mends Vendor.Custom.")


@pytest.mark.parametrize(
    "states",
    [
        None,
        (),
        (PolicyState(name="P", state="compliant", settings=()),),
        failing(USER, state="compliant", policy="compliant"),
    ],
)
def test_policies_that_name_no_failing_setting_stop_it(states: tuple[PolicyState, ...] | None):
    weighed = weigh(states)

    assert (weighed.stops, weighed.failing) == (Stop.UNKNOWN, ())
    assert weighed.says == "Intune does not tell which compliance setting fails."


@pytest.mark.parametrize("state", ["nonCompliant", "NONCOMPLIANT", "error", "conflict"])
def test_every_failing_state_of_a_setting_counts(state: str):
    assert weigh(failing(state=state)).failing == (USER,)
    assert state.lower() in FAILS


@pytest.mark.parametrize("state", ["unknown", "unknownFutureValue", "", "aNewOne"])
def test_a_setting_whose_state_is_not_known_may_fail(state: str):
    assert weigh((*failing(), *failing(TPM, state=state))).stops is Stop.COMES_FIRST


@pytest.mark.parametrize("state", sorted(PASSES))
def test_a_setting_that_passes_or_does_not_apply_says_nothing(state: str):
    assert weigh((*failing(), *failing(TPM, state=state, policy=state))).stops is None


@pytest.mark.parametrize("state", ["nonCompliant", "error", "unknown", ""])
def test_a_policy_that_fails_without_naming_a_setting_is_not_known(state: str):
    unnamed = PolicyState(name="Corporate", state=state, settings=())

    weighed = weigh((*failing(), unnamed))

    assert weighed.stops is Stop.UNKNOWN
    assert weighed.says == f"Handover does not know what mends policy Corporate ({state or 'no state'})."


def test_a_setting_without_a_name_goes_under_its_policys_name():
    state = PolicyState(name="Corporate", state="nonCompliant", settings=(SettingState(name="", state="error"),))

    assert weigh((state,)).failing == ("Corporate",)


@pytest.mark.parametrize("name", [BITLOCKER, TPM, "Vendor.Custom"])
def test_an_administrators_word_makes_a_setting_one_that_a_reenrolment_mends(name: str):
    weighed = weigh(failing(name), declared=(name.lower(),))

    assert (weighed.stops, weighed.says) == (None, f"{name} fails")


def test_a_word_about_one_setting_says_nothing_about_another():
    assert weigh(failing("Vendor.Custom", "Vendor.Other"), declared=("vendor.custom",)).stops is Stop.UNKNOWN


def test_a_setting_that_two_policies_name_is_named_once():
    assert weigh((*failing(), *failing())).failing == (USER,)


def test_every_row_has_a_sentence_and_a_page():
    assert all(remedy.says and remedy.source for remedy in REMEDIES.values())
