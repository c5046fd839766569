"""Every answer of the tenant against Microsoft's own description of Graph (skipped where that is not at hand)."""

import base64
from dataclasses import dataclass, field

import pytest

from local.tenant.http.app import endpoints
from local.tenant.model.licences import LicenceToAdd
from local.tenant.model.tenant import TenantModel
from tests.local.graph_description import described, problems
from tests.local.simulated_tenant import APP, DAY, HOUR, OWNER, SERIAL, SPB, STAGING, Client, Json, client_of, story
from tests.local.webhook import Webhook

INTUNE = "/deviceManagement"
DEVICES = f"{INTUNE}/managedDevices"
AUTOPILOT = f"{INTUNE}/windowsAutopilotDeviceIdentities"
PROFILES = f"{INTUNE}/windowsAutopilotDeploymentProfiles"
CONFIGURATIONS = f"{INTUNE}/deviceEnrollmentConfigurations"
IMPORTS = f"{INTUNE}/importedWindowsAutopilotDeviceIdentities"
NOT_DESCRIBED = {
    # absent from the description, known from Microsoft's documentation of Multi Admin Approval
    f"get {INTUNE}/operationApprovalPolicies",
    f"get {INTUNE}/operationApprovalRequests",
    f"get {INTUNE}/operationApprovalRequests/{{}}",
    # absent, too; from the pages "List recoveryKeys" and "directoryObject: checkMemberGroups"
    "get /informationProtection/bitlocker/recoveryKeys",
    "post /devices/{}/checkMemberGroups",
    # left out of the description, which is an extract; the classes of the SDK have the same properties
    f"get {INTUNE}/managedDeviceOverview",
    f"get {INTUNE}/deviceCompliancePolicyDeviceStateSummary",
    # the page "group: assignLicense" has the group in a 202, the description has an empty one
    "post /groups/{}/assignLicense",
    # what makes a tenant ready: the extract has these resources, and not what writes them; tests/clients checks the
    # bodies that we send against the resources
    "post /groups",
    "patch /groups/{}",
    f"post {INTUNE}/windowsAutopilotDeploymentProfiles",
    f"patch {INTUNE}/windowsAutopilotDeploymentProfiles/{{}}",
    f"post {INTUNE}/windowsAutopilotDeploymentProfiles/{{}}/assignments",
    f"post {INTUNE}/deviceEnrollmentConfigurations",
    f"patch {INTUNE}/deviceEnrollmentConfigurations/{{}}",
    f"post {INTUNE}/deviceEnrollmentConfigurations/{{}}/assign",
    f"post {INTUNE}/deviceEnrollmentConfigurations/{{}}/setPriority",
}


def _lively() -> TenantModel:
    """A tenant in which everything that can be read has happened once."""
    model = story(
        tenant={"groups": [{"name": "Gets a device", "members": [STAGING], "licences": ["SPB"]}], "esp": [{}]},
        devices=[
            {
                "serial": SERIAL,
                "name": "PC-0427",
                "enrolled_by": STAGING,
                "compliance": "noncompliant",
                "failing": ["P.S"],
            },
            {"serial": "B-2", "enrolled_by": OWNER, "compliance": "inGracePeriod", "autopilot": None},
            {"serial": "C-3"},
        ],
        timeline=[{"after": "wiped", "do": "sign_in", "device": SERIAL, "user": OWNER}],
    )
    before = model.machines.require(SERIAL).managed_device_id or ""
    model.actions.simple(before, "rebootNow", application_id=APP)
    model.clock.advance(HOUR)
    model.enrolment.re_enrol(SERIAL, OWNER)
    model.licences.assign(OWNER, add=[LicenceToAdd(sku_id=SPB)], remove=[])
    model.clock.advance(DAY)
    model.licences.assign(STAGING, add=[], remove=[SPB])
    return model


@dataclass
class Survey:
    """Asks for one path after another and collects what is not as described."""

    client: Client
    wrong: list[str] = field(default_factory=list[str])
    seen: set[str] = field(default_factory=set[str])

    async def get(self, path: str, ids: tuple[str, ...] = (), query: str = "", versions: str = "v1.0 beta") -> None:
        """GET a path of the description; ``ids`` fill its parameters in order."""
        for version in versions.split():
            answer = await self.client.http.get(f"/{version}{_filled(path, ids)}{query}")
            assert answer.status_code == 200, (path, answer.text)
            self._judge(version, path, "get", answer.status_code, answer.json())

    async def send(self, method: str, path: str, ids: tuple[str, ...], body: object, version: str = "v1.0") -> Json:
        """Any other method; the answer must succeed."""
        answer = await self.client.http.request(method, f"/{version}{_filled(path, ids)}", json=body)
        assert answer.is_success, (path, answer.text)
        content = answer.json() if answer.content else None
        self._judge(version, path, method.lower(), answer.status_code, content)
        return content or {}

    def _judge(self, version: str, path: str, method: str, status: int, body: object) -> None:
        self.seen.add(f"{method} {_anonymous(path)}")
        names = {_anonymous(known): known for known, _ in described(version)}
        found = problems(version, names[_anonymous(path)], method, status, body)
        self.wrong += [f"{version} {method} {path} {problem}" for problem in found]


def _filled(path: str, ids: tuple[str, ...]) -> str:
    for one in ids:
        path = path.replace("{}", one, 1)
    return path


def _anonymous(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


async def _read_everything(survey: Survey, model: TenantModel) -> None:
    owner = (model.users.require(OWNER).id,)
    enrolled = (model.machines.require(SERIAL).managed_device_id or "",)
    entra = (next(model.entra_devices.store.values()).id,)
    group = (next(model.groups.store.values()).id,)
    registered = (next(model.autopilot.store.values()).id,)
    profile = (next(model.profiles.store.values()).id,)
    tenant = (model.organization.id,)
    everything = (
        "?$select=" + "id,accountEnabled,assignedLicenses,assignedPlans,licenseAssignmentStates,usageLocation,userType"
    )
    for path in ("/users", "/users/delta", "/groups", "/groups/delta", "/devices", "/devices/delta", "/subscribedSkus"):
        await survey.get(path)
    for path in (DEVICES, AUTOPILOT, f"{INTUNE}/troubleshootingEvents", f"{INTUNE}/auditEvents", "/organization"):
        await survey.get(path)
    await survey.get("/users", query=everything)
    for path in ("", "/licenseDetails", "/managedDevices", "/ownedDevices", "/registeredDevices"):
        await survey.get(f"/users/{{}}{path}", owner, everything if path == "" else "")
    await survey.get("/groups/{}", group)
    await survey.get("/groups/{}/members", group)
    for path in ("", "/registeredOwners", "/registeredUsers"):
        await survey.get(f"/devices/{{}}{path}", entra)
    await survey.get("/subscribedSkus/{}", (f"{tenant[0]}_{SPB}",))
    await survey.get("/organization/{}", tenant, "?$select=id,mobileDeviceManagementAuthority")
    for path in ("", "/deviceCompliancePolicyStates", "/users"):
        await survey.get(f"{DEVICES}/{{}}{path}", enrolled)
    await survey.get(f"{AUTOPILOT}/{{}}", registered)
    await survey.get(f"{AUTOPILOT}/{{}}", registered, "?$expand=deploymentProfile,intendedDeploymentProfile", "beta")
    await survey.get(CONFIGURATIONS, query="?$expand=assignments")
    for configuration in model.configurations.all(()):
        await survey.get(f"{CONFIGURATIONS}/{{}}", (configuration.id,))
        await survey.get(f"{CONFIGURATIONS}/{{}}/assignments", (configuration.id,))
    for path in ("/deploymentProfile", "/intendedDeploymentProfile"):
        await survey.get(f"{AUTOPILOT}/{{}}{path}", registered, versions="beta")
    for path in ("", "/assignments", "/assignedDevices"):
        await survey.get(f"{PROFILES}/{{}}{path}", profile, versions="beta")
    for name in ("autopilotEvents", "remoteActionAudits", "windowsAutopilotSettings"):
        await survey.get(f"{INTUNE}/{name}", versions="beta")
    await survey.get(PROFILES, versions="beta")


async def _write_everything(survey: Survey, model: TenantModel) -> None:
    owner, group = (model.users.require(OWNER).id,), (next(model.groups.store.values()).id,)
    registered = (next(model.autopilot.store.values()).id,)
    enrolled = (model.machines.require(SERIAL).managed_device_id or "",)
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/users/{owner[0]}"}
    await survey.send("PATCH", "/users/{}", owner, {"usageLocation": "GB"})
    await survey.send("POST", "/users/{}/assignLicense", owner, {"addLicenses": [{"skuId": SPB}], "removeLicenses": []})
    await survey.send("POST", "/users/{}/reprocessLicenseAssignment", owner, None)
    await survey.send("POST", "/users/{}/checkMemberGroups", owner, {"groupIds": list(group)})
    message = {"message": {"subject": "x", "toRecipients": [{"emailAddress": {"address": OWNER}}]}}
    await survey.send("POST", "/users/{}/sendMail", owner, message)
    activity = {"topic": {"source": "text"}, "activityType": "x"}
    await survey.send("POST", "/users/{}/teamwork/sendActivityNotification", owner, activity)
    await survey.send("POST", "/groups/{}/members/$ref", group, reference)
    pc = {"serialNumber": "5CG0000001", "hardwareIdentifier": base64.b64encode(b"T" * 3000).decode()}
    imported = await survey.send("POST", IMPORTS, (), pc)
    await survey.get(IMPORTS)
    await survey.get(f"{IMPORTS}/{{}}", (imported["id"],))
    await survey.send("DELETE", "/groups/{}/members/{}/$ref", (*group, *owner), None)
    names = {"userPrincipalName": OWNER, "addressableUserName": "DEF456"}
    await survey.send("POST", f"{AUTOPILOT}/{{}}/assignUserToDevice", registered, names)
    await survey.send("POST", f"{AUTOPILOT}/{{}}/unassignUserFromDevice", registered, None)
    await survey.send("POST", f"{AUTOPILOT}/{{}}/updateDeviceProperties", registered, {"groupTag": "x"})
    await survey.send("POST", f"{AUTOPILOT}/{{}}/allowNextEnrollment", registered, None, "beta")
    await survey.send("POST", f"{INTUNE}/windowsAutopilotSettings/sync", (), None, "beta")
    await survey.send("POST", f"{DEVICES}/{{}}/users/$ref", enrolled, reference, "beta")
    for action in ("syncDevice", "rebootNow", "shutDown", "remoteLock", "cleanWindowsDevice", "wipe", "retire"):
        await survey.send("POST", f"{DEVICES}/{{}}/{action}", enrolled, None if action != "wipe" else {})
    await survey.send("DELETE", f"{DEVICES}/{{}}", enrolled, None)
    await survey.send("DELETE", f"{AUTOPILOT}/{{}}", registered, None)
    authority = "/organization/{}/setMobileDeviceManagementAuthority"
    await survey.send("POST", authority, (model.organization.id,), None)


async def _subscribe(survey: Survey, model: TenantModel) -> None:
    later = (model.clock.now() + DAY).isoformat()
    async with Webhook().running() as webhook:
        body = {
            "changeType": "updated",
            "resource": "users",
            "notificationUrl": webhook.url,
            "expirationDateTime": later,
        }
        created = await survey.send("POST", "/subscriptions", (), body | {"clientState": "secret"})
        await survey.get("/subscriptions")
        await survey.get("/subscriptions/{}", (created["id"],))
        await survey.send("PATCH", "/subscriptions/{}", (created["id"],), {"expirationDateTime": later})
        await survey.send("POST", "/subscriptions/{}/reauthorize", (created["id"],), None)
        await survey.send("DELETE", "/subscriptions/{}", (created["id"],), None)


async def test_every_answer_is_as_microsoft_describes_it() -> None:
    model = _lively()
    async with client_of(model) as client:
        survey = Survey(client)
        await _read_everything(survey, model)
        await _subscribe(survey, model)
        await _write_everything(survey, model)
    assert survey.wrong == []
    served = {
        f"{endpoint.method.lower()} {_anonymous(endpoint.path)}"
        for endpoint in endpoints()
        if not endpoint.path.startswith("/policies/")
    }
    assert served - NOT_DESCRIBED - survey.seen == set()


async def test_an_answer_that_is_not_as_described_is_noticed() -> None:
    path = "/deviceManagement/managedDevices/{managedDevice-id}"
    async with client_of(_lively()) as client:
        (answer, *_) = (await client.get(f"/v1.0{DEVICES}"))["value"]
    assert problems("v1.0", path, "get", 200, answer) == []
    for wrong in ({"complianceState": "nonCompliant"}, {"enrolledDateTime": None}, {"isEncrypted": "yes"}):
        assert problems("v1.0", path, "get", 200, answer | wrong), wrong


@pytest.mark.parametrize("path", ["/v1.0/users/nobody", f"/v1.0{DEVICES}/nothing", "/beta/nothing"])
async def test_an_error_has_the_body_that_microsoft_describes(path: str) -> None:
    async with client_of(story()) as client:
        error = (await client.http.get(path)).json()["error"]
    assert error.keys() == {"code", "message", "innerError"}
    assert error["innerError"].keys() == {"date", "request-id", "client-request-id"}
