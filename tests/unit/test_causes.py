"""Which causes a re-enrolment mends: only those lead towards a wipe."""

import pytest

from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.rules.watching import what_reenrolment_mends
from tests.builders import (
    OTHER,
    OTHER_ID,
    OWNER,
    OWNER_ID,
    STAGING,
    a_device,
    an_owners_device,
)
from tests.case_builders import a_case, a_licence_request, a_policy

CASE = a_case(CaseState.WATCHING)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({}, f"it was enrolled by the staging account {STAGING}"),
        ({"enrolled_by": None}, f"it was enrolled by the staging account {STAGING}"),
        (
            {"user_id": OWNER_ID, "user_principal_name": OWNER},
            f"it was enrolled by the staging account {STAGING}",
        ),
        (
            {"user_id": OTHER_ID, "user_principal_name": OTHER, "enrolled_by": OTHER},
            f"it is enrolled by {OTHER}, not by its owner",
        ),
        (
            {"user_id": OTHER_ID, "user_principal_name": None, "enrolled_by": None},
            "it is enrolled by somebody else, not by its owner",
        ),
        ({"user_id": None, "user_principal_name": None, "enrolled_by": None}, "it is enrolled without a user"),
        # the owner enrolled it, and an administrator made somebody else its primary user
        ({"user_id": OTHER_ID, "user_principal_name": OTHER, "enrolled_by": OWNER.upper()}, None),
        ({"user_id": OWNER_ID.upper(), "user_principal_name": OWNER, "enrolled_by": None}, None),
    ],
)
def test_causes_that_a_reenrolment_mends(fields: dict[str, object], cause: str | None):
    assert what_reenrolment_mends(CASE, a_device(**fields), a_policy()) == cause


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"licence": a_licence_request()}, Mode.APPROVE),
        ({"would_do": ("assign SPB to DEF456@contoso.example",)}, Mode.REPORT),
    ],
)
def test_a_device_whose_owner_enrolled_it_without_a_licence_can_be_mended(fields: dict[str, object], mode: Mode):
    case = a_case(CaseState.WATCHING, policy=None, **fields)

    cause = what_reenrolment_mends(case, an_owners_device(), a_policy(mode=mode))

    assert cause == "its owner had no Intune licence when this case began"
