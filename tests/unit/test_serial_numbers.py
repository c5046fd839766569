"""Which serial numbers can stand for one machine and are safe to ask for."""

import pytest

from shared.rules.confirm import usable_serial
from tests.builders import SERIAL


@pytest.mark.parametrize(
    "serial",
    [
        "",
        "   ",
        "0",
        "00000000",
        "000000000000",
        "XXXXXXXXXX",
        "---",
        ". . .",
        "Default string",
        " system serial number ",
        "To Be Filled By O.E.M.",
        "None",
        "N/A",
        "1234567890",
        "5CG1234'XYZ",
        "5CG1234\nXYZ",
        "5CG1234#",
        "5CGÄ1234",
        "A1" * 33,
    ],
)
def test_a_serial_number_that_many_machines_share_or_that_could_break_a_filter_is_unusable(serial: str):
    assert not usable_serial(serial)


@pytest.mark.parametrize("serial", [SERIAL, f" {SERIAL} ", "PF-2X.Y_3", "0000-0015-2371-1410-3712-7563-45", "A1" * 32])
def test_a_real_serial_number_is_usable(serial: str):
    assert usable_serial(serial)
