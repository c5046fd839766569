"""Kinds of devices that are not re-enrolled: each known one has its reason, and what is not known is none."""

import pytest

from shared.domain.reasons import Reason
from shared.rules.kinds import is_cloud_pc, wrong_kind
from tests.builders import a_device


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"join_type": "hybridAzureADJoined"}, Reason.DEVICE_NOT_ENTRA_JOINED),
        ({"join_type": "AZUREADREGISTERED"}, Reason.DEVICE_NOT_ENTRA_JOINED),
        ({"enrolment_type": "windowsBulkUserless"}, Reason.DEVICE_IS_SHARED),
        ({"enrolment_type": "windowsAzureADJoinUsingDeviceAuth"}, Reason.DEVICE_IS_SHARED),
        ({"enrolment_type": "windowsCoManagement"}, Reason.DEVICE_CO_MANAGED),
        ({"management_agent": "configurationManagerClientMdm"}, Reason.DEVICE_CO_MANAGED),
        ({"management_agent": "configurationManagerClient"}, Reason.DEVICE_CO_MANAGED),
        ({"operating_system": "Windows Server"}, Reason.DEVICE_IS_SERVER),
        ({"sku_family": "ServerStandard"}, Reason.DEVICE_IS_SERVER),
        ({"sku_family": "ServerRdsh"}, Reason.DEVICE_IS_MULTI_SESSION),
        ({"sku_family": "EnterpriseMultiSession"}, Reason.DEVICE_IS_MULTI_SESSION),
        ({"device_type": "surfaceHub"}, Reason.DEVICE_IS_APPLIANCE),
        ({"device_type": "holoLens"}, Reason.DEVICE_IS_APPLIANCE),
        ({"model": "Surface Hub 2S"}, Reason.DEVICE_IS_APPLIANCE),
        ({"sku_family": "Holographic"}, Reason.DEVICE_IS_APPLIANCE),
        ({"operating_system": "iOS"}, Reason.DEVICE_NOT_WINDOWS),
    ],
)
def test_a_known_wrong_kind_has_its_own_reason(fields: dict[str, object], reason: Reason):
    found = wrong_kind(a_device(**fields))

    assert found is not None
    assert found[0] is reason


@pytest.mark.parametrize("value", [None, "", "unknown", "unknownFutureValue"])
@pytest.mark.parametrize("field", ["join_type", "enrolment_type", "device_type", "sku_family"])
def test_what_is_not_known_is_no_reason(field: str, value: str | None):
    assert wrong_kind(a_device(**{field: value})) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"join_type": "azureADJoined", "enrolment_type": "windowsAzureADJoin"},
        {"device_type": "windowsRT", "sku_family": "Pro"},
        {"device_type": "desktop", "sku_family": "Enterprise", "enrolment_type": "windowsBulkAzureDomainJoin"},
    ],
)
def test_an_entra_joined_pc_of_one_user_is_of_the_right_kind(fields: dict[str, object]):
    assert wrong_kind(a_device(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "cloud"),
    [
        ({"model": "Cloud PC Enterprise 2vCPU/8GB/128GB"}, True),
        ({"model": "CLOUD PC Business"}, True),
        ({"device_type": "cloudPC"}, True),
        ({"model": "EliteBook", "device_type": None}, False),
    ],
)
def test_a_cloud_pc_is_known_by_its_model_or_its_type(fields: dict[str, object], cloud: bool):
    assert is_cloud_pc(a_device(**fields)) is cloud
