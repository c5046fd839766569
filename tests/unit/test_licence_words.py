"""What the owner holds, in the words of Microsoft's product list; part numbers mislead."""

import pytest

from shared.domain.facts import Facts
from shared.domain.states import CaseState
from shared.rules.licensing import check_licence
from shared.rules.sku_names import sku_name
from tests.builders import ENTRA_P1, INTUNE, NOW, SPB_ID, STANDARD_ID, a_user, spb, standard, tenant_facts, users
from tests.case_builders import a_case, a_policy

INTUNE_ALONE = spb(id="intune", part_number="INTUNE_A", plan_ids=frozenset({INTUNE}))
P1_ALONE = spb(id="p1", part_number="AAD_PREMIUM", plan_ids=frozenset({ENTRA_P1}))


@pytest.mark.parametrize(
    ("user", "tenant", "holds"),
    [
        ({"sku_ids": (), "enabled_plan_ids": frozenset[str]()}, {}, "DEF456 has no licence."),
        ({"sku_ids": ("unknown",)}, {}, "DEF456 has licences this tenant no longer lists."),
        (
            {"sku_ids": ("intune",), "enabled_plan_ids": frozenset({INTUNE})},
            {"skus": (spb(), INTUNE_ALONE)},
            "DEF456 has Intune: Intune, but no Entra ID P1.",
        ),
        (
            {"sku_ids": ("p1",), "enabled_plan_ids": frozenset({ENTRA_P1})},
            {"skus": (spb(), P1_ALONE)},
            "DEF456 has Microsoft Entra ID P1, without Intune.",
        ),
        (
            {"sku_ids": (SPB_ID,)},
            {},
            "DEF456 has Microsoft 365 Business Premium, but Intune is not switched on in it.",
        ),
        (
            {"sku_ids": (STANDARD_ID, "p1")},
            {"skus": (spb(), standard(), P1_ALONE)},
            "DEF456 has Microsoft 365 Business Standard and Microsoft Entra ID P1, "
            "which contain Basic Mobility and Security, not Intune.",
        ),
        ({"display_name": ""}, {}, "DEF456@contoso.example has Microsoft 365 Business Standard, which contains"),
    ],
)
def test_what_the_owner_holds_is_said_in_product_names(user: dict[str, object], tenant: dict[str, object], holds: str):
    facts = Facts(users=users(a_user(**user)), tenant=tenant_facts(**tenant))

    assert check_licence(a_case(CaseState.CHECKING_LICENCE), facts, a_policy(), NOW).says.startswith(holds)


@pytest.mark.parametrize(
    ("part_number", "name"),
    [
        ("O365_BUSINESS_PREMIUM", "Microsoft 365 Business Standard"),
        ("SPB", "Microsoft 365 Business Premium"),
        ("MADE_UP", "MADE_UP"),
        ("", ""),
    ],
)
def test_products_are_called_by_their_names(part_number: str, name: str):
    assert sku_name(part_number) == name
