"""tenant.toml: the example is good, and whatever is not understood is named by its key."""

import re
from pathlib import Path

import pytest

from shared.domain.tenant_setup import FoundTenant, WantedGroup
from shared.errors import BadInput
from shared.rules.tenant_plan import plan, same_rule
from shared.tenant_setup.desired import read_desired
from shared.tenant_setup.show import plan_lines
from tests.tenant_setup.desk import FILE

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "tenant.example.toml").read_text()


def test_the_example_is_read() -> None:
    desired = read_desired(EXAMPLE)
    assert desired.device_group.rule == '(device.devicePhysicalIds -any (_ -eq "[OrderID]:HANDOVER"))'
    assert desired.licence_groups == (WantedGroup(name="Business Premium by group", products=("SPB",)),)
    assert not desired.status_page.all_devices and desired.mdm_scope == "all"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "version: "),
        ("version = 1", "", "version: this key is missing"),
        ("version = 1", "version = 1\nname = 'x'", "name: there is no such key"),
        ('group_tag = "HANDOVER"', "", "device_group.group_tag: this key is missing"),
        ('group_tag = "HANDOVER"', 'group_tag = "a\' or 1"', "device_group.group_tag: "),
        (
            'name = "Apps first"',
            'name = "Apps first"\nblock_use = false',
            "status_page.block_use: there is no such key",
        ),
        ('name = "Apps first"', 'name = "Apps first"\ntimeout_minutes = "60"', "status_page.timeout_minutes: "),
        ('name = "Apps first"', 'name = "Apps first"\ntimeout_minutes = 5', "status_page.timeout_minutes: "),
        ('name = "Apps first"', 'name = "Apps first"\npriority = 0', "status_page.priority: "),
        ('name = "Apps first"', 'name = "Apps first"\nassign_to = "everybody"', "status_page.assign_to: "),
        ('name = "Apps first"', 'name = " "', "status_page.name: "),
        ('products = ["SPB"]', "products = []", "licence_groups.0.products: "),
        ('products = ["SPB"]', 'products = ["SPB"]\nmembers = []', "licence_groups.0.members: there is no such key"),
        ('name = "Premium"', 'name = "Autopilot PCs"', "two groups have the name Autopilot PCs"),
        (
            'name = "Handover user-driven"',
            'name = "x"\ndevice_name_template = "PC"',
            "deployment_profile.device_name_template: must be letters",
        ),
        (
            'name = "Handover user-driven"',
            'name = "x"\nuser_type = "administrator"',
            "deployment_profile.user_type: there",
        ),
        ("version = 1", "version = = 1", "not TOML: "),
    ],
)
def test_what_is_not_understood_is_named_by_its_key(old: str, new: str, said: str) -> None:
    assert old in FILE
    with pytest.raises(BadInput, match=re.escape(said)):
        read_desired(FILE.replace(old, new))


def test_every_problem_of_a_file_is_named_at_once() -> None:
    broken = FILE.replace("version = 1", "version = 1\nx = 1").replace('group_tag = "HANDOVER"', "")
    with pytest.raises(BadInput) as raised:
        read_desired(broken)
    assert len(str(raised.value).splitlines()) == 2


def test_every_key_stands_in_the_document() -> None:
    text = (ROOT / "docs" / "tenant.md").read_text()
    for key in re.findall(r"^(\w+) = ", EXAMPLE, re.MULTILINE):
        assert re.search(rf"`[\w\[\].]*\b{key}`", text), key


def test_a_rule_that_entra_id_gives_back_with_other_blanks_is_the_same() -> None:
    assert same_rule('(device.x  -any (_ -eq "[OrderID]:A"))', '(device.x -any (_ -eq "[OrderID]:A"))\n')
    assert not same_rule('(_ -eq "[OrderID]:A")', '(_ -eq "[OrderID]:B")')


def test_an_authority_that_is_not_intune_is_left_to_a_person() -> None:
    lines = plan_lines(plan(read_desired(FILE), FoundTenant(mdm_authority="sccm", sku_ids=(("SPB", "x"),))))
    assert '? by a person: MDM authority "tenant"' in lines
    assert lines[-1] == "Plan: 4 to create, 3 to change, 0 blocked, 2 for a person."
