"""What a scenario expects: an end that is not as promised is said in words."""

import pytest
from pydantic import ValidationError

from local.expect import Json, reasons_expected, unmet
from shared.domain.reasons import Reason

COUNTS: Json = {"wipes_by_serial": {}, "by_operation": {}, "writes": 0, "mails_to": {}}
STATE: Json = {"subscriptions": 1, "devices": [], "users": [], "skus": {"SPB": {"seats": 2, "consumed": 2}}}


def a_case(*reasons: Reason) -> Json:
    case = {"serial_number": "5CG1234XYZ", "device": None, "state": "proven", "reason": reasons[-1], "owner": None}
    return {"case": case | {"wipe": None}, "journal": [{"reason": reason.value} for reason in reasons]}


def test_a_reason_on_the_way_is_found_in_the_journal() -> None:
    case = a_case(Reason.LICENCE_LOST, Reason.COMPLIANT_UNDER_OWNER)
    assert unmet({"passes": ["licence_lost", "compliant_under_owner"]}, [case], COUNTS, STATE) == []


def test_an_end_without_a_reason_that_was_promised_is_not_reached() -> None:
    case = a_case(Reason.COMPLIANT_UNDER_OWNER)
    assert unmet({"passes": ["licence_lost"]}, [case], COUNTS, STATE) == ["no journal says licence_lost"]


def test_a_reason_that_does_not_exist_cannot_be_promised() -> None:
    with pytest.raises(ValidationError):
        reasons_expected({"passes": ["no_such_reason"]})


def test_the_reasons_of_the_ends_count_as_promised_too() -> None:
    expect: Json = {"cases": [{"device": "A", "state": "refused", "reason": "device_excluded"}], "passes": ["frozen"]}
    assert reasons_expected(expect) == {Reason.DEVICE_EXCLUDED, Reason.FROZEN}


def test_seats_are_counted_by_the_tenant() -> None:
    assert unmet({"tenant": {"seats_taken": {"SPB": 2}}}, [], COUNTS, STATE) == []
    assert unmet({"tenant": {"seats_taken": {"SPB": 1}}}, [], COUNTS, STATE) == ["2 seats of SPB are taken, expected 1"]
