"""What one page of a list or of a delta query says of a device."""

from dataclasses import replace

import pytest

from shared.domain.pages import DeviceChange


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ({"compliant": False, "managed": True}, True),
        ({"compliant": False, "managed": None}, True),
        ({"compliant": False, "managed": False}, False),
        ({"compliant": None, "managed": True}, False),
        ({"compliant": True, "managed": True}, False),
        ({"compliant": False, "managed": True, "removed": True}, False),
    ],
)
def test_only_a_managed_device_that_is_called_noncompliant_turned(said: dict[str, bool], turned: bool):
    change = replace(DeviceChange(entra_device_id="device", compliant=None, managed=None), **said)

    assert change.turned_noncompliant is turned
