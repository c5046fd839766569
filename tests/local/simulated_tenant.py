"""Tenants for the tests of the simulated tenant: scenarios in one line, requests in process, and the story's first steps."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from local.tenant.http.app import tenant_app
from local.tenant.http.delivery import Deliverer
from local.tenant.http.identity import Identities
from local.tenant.model.approvals import ApprovalHeaders
from local.tenant.model.autopilot import AutopilotIdentity
from local.tenant.model.device_actions import WipeFlags
from local.tenant.model.gate import Caller
from local.tenant.model.licences import LicenceToAdd
from local.tenant.model.machines import Machine
from local.tenant.model.managed_devices import ManagedDevice
from local.tenant.model.tenant import TenantModel
from local.tenant.populate import tenant_of
from local.tenant.scenario import parse

SERIAL = "5CG1234XYZ"
STAGING = "staging@contoso.example"
OWNER = "DEF456@contoso.example"
SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
STANDARD = "f245ecc8-75af-4f8e-b61f-27d8114de5f3"
APP = "00000000-0000-0000-0000-000000000001"
MANAGED_DEVICES = "/v1.0/deviceManagement/managedDevices"
AUTOPILOT = "/v1.0/deviceManagement/windowsAutopilotDeviceIdentities"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Json = dict[str, Any]


def story(*, device: Json | None = None, user: Json | None = None, **parts: Any) -> TenantModel:
    """The tenant of the story, with other values for its device, its user or any part of the scenario."""
    scenario: Json = {
        "title": "the story",
        "tenant": {"skus": [{"part": "SPB", "seats": 5}, {"part": "O365_BUSINESS_PREMIUM", "seats": 25}]},
        "users": [
            {"upn": STAGING, "name": "Staging", "licences": ["SPB"]},
            {"upn": OWNER, "name": "DEF456", "licences": ["O365_BUSINESS_PREMIUM"], **(user or {})},
        ],
        "devices": [
            {
                "serial": SERIAL,
                "name": "PC-0427",
                "enrolled_by": STAGING,
                "compliance": "noncompliant",
                "failing": ["DefaultDeviceCompliancePolicy.RequireUserExistence"],
                "logged_on": [OWNER],
                **(device or {}),
            }
        ],
    }
    return tenant_of(parse(scenario | parts))


def machine(model: TenantModel) -> Machine:
    """The computer of the story."""
    return model.machines.require(SERIAL)


def device(model: TenantModel) -> ManagedDevice:
    """Its one enrolment."""
    (found,) = model.managed_devices.store.values()
    return found


def registration(model: TenantModel) -> AutopilotIdentity:
    """Its Autopilot registration."""
    found = model.autopilot.with_serial(SERIAL)
    assert found is not None
    return found


def license_owner(model: TenantModel) -> None:
    """Give the owner Business Premium and wait until it is provisioned."""
    model.licences.assign(OWNER, add=[LicenceToAdd(sku_id=SPB)], remove=[])
    model.clock.advance(5 * MINUTE)


def wipe(model: TenantModel, flags: WipeFlags | None = None, approval: ApprovalHeaders | None = None) -> str:
    """Wipe the device of the story as an application does; returns the id of the enrolment that goes."""
    managed_device_id = device(model).id
    model.actions.wipe(
        managed_device_id, flags or WipeFlags(), application_id=APP, approval=approval or ApprovalHeaders()
    )
    return managed_device_id


def bind_and_wipe(model: TenantModel) -> str:
    """Bind the registration to the owner and wipe."""
    model.autopilot.assign_user(registration(model).id, upn=OWNER, addressable_name="DEF456")
    return wipe(model)


@dataclass(frozen=True)
class Client:
    """Graph requests to a tenant in this process, with a token."""

    model: TenantModel
    http: httpx.AsyncClient
    deliverer: Deliverer

    async def get(self, path: str, headers: Mapping[str, str] | None = None, **options: str) -> Json:
        """GET that must succeed; ``options`` are query options without their $."""
        answer = await self.http.get(path, params=_options(options), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """POST, whatever comes of it."""
        return await self.http.post(path, json=body, headers=headers)

    async def error(self, path: str, **options: str) -> tuple[int, str, str]:
        """GET that must fail: status, code and message."""
        answer = await self.http.get(path, params=_options(options))
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]


@asynccontextmanager
async def client_of(model: TenantModel, caller: Caller | None = None) -> AsyncGenerator[Client]:
    """A client of the tenant; ``caller`` is the application whose token it sends."""
    caller = caller or Caller()
    deliverer = Deliverer(model)
    identities = Identities(model.organization.id, {caller.application_id: caller.roles})
    token = identities.token(caller.application_id, "https://graph.microsoft.com", int(time.time()) + 3600)
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(tenant_app(model, deliverer)),
        base_url="http://tenant.example",
        headers={"Authorization": f"Bearer {token}"},
    )
    async with http:
        yield Client(model, http, deliverer)
    await deliverer.close()


def _options(options: Mapping[str, str]) -> dict[str, str]:
    return {f"${name}": value for name, value in options.items()}
