"""The blank tenant of a scenario: what it bought and how it enrols, before anybody and anything is put in."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from local.tenant.catalogue import products
from local.tenant.model.enrolment_configurations import ConfigurationType, EnrolmentConfiguration
from local.tenant.model.products import SubscribedSku
from local.tenant.model.tenant import Blank
from local.tenant.model.world import Delays
from local.tenant.scenario import Scenario, ScenarioError
from local.tenant.scenario_tenant import StatusPageEntry

LONG_AGO = timedelta(days=400)
"""How long before the start everything that was always there came to be."""


def blank(scenario: Scenario, seed: int) -> Blank:
    """A tenant without users and devices. Raises ScenarioError for products that do not exist."""
    tenant = scenario.tenant
    group_ids = {group.name: group.id or derived_id(group.name) for group in tenant.groups}
    pages = [_status_page(page, i, scenario.start, group_ids) for i, page in enumerate(tenant.esp)]
    return Blank(
        tenant_id=tenant.id,
        domain=tenant.domain,
        start=scenario.start,
        seed=seed,
        mdm_authority=tenant.mdm_authority,
        delays=Delays(**dict(tenant.delays)),
        skus=_bought(scenario),
        configurations=[*_default_configurations(scenario), *pages],
        identities={client: frozenset(roles) for client, roles in tenant.identities.items()},
    )


def _bought(scenario: Scenario) -> list[SubscribedSku]:
    bought: list[SubscribedSku] = []
    for i, sku in enumerate(scenario.tenant.skus):
        if sku.part not in products():
            known = ", ".join(products())
            raise ScenarioError(f"tenant.skus.{i}.part: {sku.part!r} is not one of {known}")
        holders = sum(sku.part in user.parts for user in scenario.users)
        consumed = holders if sku.used is None else sku.used
        if consumed < holders:
            raise ScenarioError(f"tenant.skus.{i}.used: {holders} users of the scenario hold {sku.part}")
        bought.append(
            SubscribedSku(
                product=products()[sku.part],
                seats=sku.seats,
                consumed=consumed,
                capability_status=sku.status,
            )
        )
    return bought


def _default_configurations(scenario: Scenario) -> list[EnrolmentConfiguration]:
    prefix, created = scenario.tenant.id, scenario.start - LONG_AGO
    return [
        EnrolmentConfiguration(
            id=f"{prefix}_DefaultWindows10EnrollmentCompletionPageConfiguration",
            type=ConfigurationType.DEFAULT_STATUS_PAGE,
            name="All users and all devices",
            created_at=created,
            blocks_use=False,
        ),
        EnrolmentConfiguration(
            id=f"{prefix}_DefaultLimit",
            type=ConfigurationType.LIMIT,
            name="All Users",
            created_at=created,
            limit=scenario.tenant.device_limit,
        ),
        EnrolmentConfiguration(
            id=f"{prefix}_DefaultPlatformRestrictions",
            type=ConfigurationType.PLATFORMS,
            name="All Users",
            created_at=created,
            windows_blocked=scenario.tenant.windows_blocked,
        ),
    ]


def _status_page(
    page: StatusPageEntry, number: int, start: datetime, group_ids: dict[str, str]
) -> EnrolmentConfiguration:
    everybody = "all" in page.assigned_to
    return EnrolmentConfiguration(
        id=f"{derived_id(f'{number} {page.name}')}_Windows10EnrollmentCompletionPageConfiguration",
        type=ConfigurationType.STATUS_PAGE,
        name=page.name,
        created_at=start - LONG_AGO,
        priority=page.priority,
        group_ids=None if everybody else tuple(group_ids[name] for name in page.assigned_to),
        blocks_use=page.blocks_use,
        excluded_group_ids=tuple(group_ids[name] for name in page.not_for),
    )


def derived_id(name: str) -> str:
    """A GUID that depends on nothing but the name, so that groups and pages can be written down beforehand."""
    return str(uuid5(NAMESPACE_DNS, name))
