"""Every request that sets the tenant up is one that Graph describes; what this extract leaves out, by its resource."""

import json
from typing import Any

import httpx
import pytest

from shared.clients.graph.connection import Endpoint, open_connection
from shared.clients.graph.mobility import GraphMobilityPolicies
from shared.clients.graph.registrations import GraphRegistrations
from shared.clients.graph.tenant_setup import GraphTenantSetup
from shared.clients.graph.transport import Transport
from shared.domain.registration import HardwareHash
from shared.domain.tenant_setup import Assigned, Kind, Remembered, WantedGroup, WantedProfile, WantedStatusPage
from shared.errors import HandoverError
from tests.clients.graph_wire import BASE, REGISTRATION, FixedClock, Tokens, Wire
from tests.clients.test_graph_openapi import FOLDER, answered, document, operation, properties

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no OpenAPI of Graph in {FOLDER.name}/ beside the repository"
)

GROUP, PAGE = REGISTRATION, f"{REGISTRATION}_Windows10EnrollmentCompletionPageConfiguration"
PC = HardwareHash(line=2, serial_number="5CG1", hash="AAAA", product_key="1", group_tag="HANDOVER")
# writes that this extract of Graph's OpenAPI leaves out: method and end of the path, and the resource that the body is
BY_RESOURCE = {
    "POST windowsAutopilotDeploymentProfiles": "azureADWindowsAutopilotDeploymentProfile",
    f"PATCH {REGISTRATION}": "azureADWindowsAutopilotDeploymentProfile",
    "POST assignments": "windowsAutopilotDeploymentProfileAssignment",
    "POST deviceEnrollmentConfigurations": "windows10EnrollmentCompletionPageConfiguration",
    f"PATCH {PAGE}": "windows10EnrollmentCompletionPageConfiguration",
    "POST groups": "group",
    f"PATCH groups/{GROUP}": "group",
}
# actions, whose parameters stand on their pages "assign action" and "setPriority action"
ACTIONS = {"POST assign": "enrollmentConfigurationAssignments", "POST setPriority": "priority"}


async def do_everything(transport: Transport) -> None:
    setup, registrations = GraphTenantSetup(transport), GraphRegistrations(transport)
    remembered = Remembered(ids=((Kind.DEVICE_GROUP, "Autopilot PCs", GROUP),))
    page = WantedStatusPage(name="Apps first")
    calls = [
        setup.found(remembered, ("Autopilot PCs",)),
        *(setup.put_group(WantedGroup(name="PCs", rule="(x)"), each) for each in (None, GROUP)),
        setup.license_group(GROUP, (GROUP,)),
        *(setup.put_profile(WantedProfile(name="User-driven"), each) for each in (None, REGISTRATION)),
        setup.assign_profile(REGISTRATION, GROUP),
        *(setup.put_status_page(page, each) for each in (None, PAGE)),
        setup.assign_status_page(
            PAGE,
            Assigned(
                all_devices=True,
                all_users=True,
                group_ids=frozenset({GROUP}),
                excluded_group_ids=frozenset({GROUP}),
            ),
        ),
        setup.set_priority(PAGE, 1),
        registrations.send(PC, "run"),
        anext(aiter(registrations.imports()), None),
        anext(aiter(registrations.registered()), None),
        registrations.sync_state(),
        registrations.sync(),
        GraphMobilityPolicies(transport).intune(),
    ]
    for call in calls:
        try:
            await call
        except HandoverError:
            continue


def resource_of(request: httpx.Request) -> str | None:
    parts = request.url.path.strip("/").split("/")
    ends = (f"{request.method} {parts[-1]}", f"{request.method} {'/'.join(parts[-2:])}")
    return next((BY_RESOURCE[end] for end in reversed(ends) if end in BY_RESOURCE), None)


def check_resource(name: str, body: dict[str, Any]) -> None:
    """Every property of the body exists, and so do those of the objects in it and its values of enumerations."""
    known = properties("beta", {"$ref": f"#/x/microsoft.graph.{name}"})
    assert set(body) <= {*known, "@odata.type"}, f"unknown properties {set(body) - set(known)}"
    for key, value in body.items():
        described = known.get(key, {})
        inner = next((each["$ref"] for each in described.get("anyOf", ()) if "$ref" in each), described.get("$ref"))
        if isinstance(value, dict) and inner is not None:
            kind = str(value.get("@odata.type", inner)).rpartition("microsoft.graph.")[2]  # type: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # nested JSON
            check_resource(kind, value)  # type: ignore[reportUnknownArgumentType]  # as above
        elif isinstance(value, str) and inner is not None:
            schema = document("beta")["components"]["schemas"][inner.rpartition("/")[2]]
            assert value in schema.get("enum", (value,)), f"{key}: {value}"


async def test_every_request_of_the_setup_is_one_that_graph_knows() -> None:
    wire = Wire(lambda request: httpx.Response(200, json={"value": [], "id": REGISTRATION}))
    connection = open_connection(Endpoint.of(BASE), Tokens(), wire)
    transport = Transport(lambda: connection, FixedClock(), lambda _operation, _status: None)
    await do_everything(transport)
    await transport.close()
    assert len(wire.requests) == 23
    for request in wire.requests:
        body: dict[str, Any] = json.loads(request.content) if request.content else {}
        action = f"{request.method} {request.url.path.rpartition('/')[2]}"
        if action in ACTIONS:
            assert set(body) == {ACTIONS[action]}
        elif (resource := resource_of(request)) is not None:
            check_resource(resource, body)
        else:
            version, known = operation(request)
            parameters = {each["name"] for each in known.get("parameters", ()) if each.get("in") == "query"}
            assert set(request.url.params) <= parameters, request.url
            for option in ("$select", "$expand"):
                asked = str(request.url.params.get(option, ""))
                assert not asked or set(asked.split(",")) <= set(answered(version, known)), request.url
            if body:
                schema = known["requestBody"]["content"]["application/json"]["schema"]
                sent = {name[:1].lower() + name[1:] for name in properties(version, schema)}
                assert set(body) <= {*sent, "@odata.type"}, request.url


def test_a_property_that_graph_has_not_would_be_found() -> None:
    with pytest.raises(AssertionError, match="unknown properties"):
        check_resource("windows10EnrollmentCompletionPageConfiguration", {"blockDeviceUse": True})
    with pytest.raises(AssertionError, match="userType"):
        check_resource("azureADWindowsAutopilotDeploymentProfile", {"outOfBoxExperienceSetting": {"userType": "x"}})
