"""The tenant's facts: read once for everybody, and never in the way of a tenant that has bought much."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.facts import Sku, TenantFacts
from shared.names import LEDGERS
from shared.records.ledger import Ledger
from shared.records.tenant_facts import MOST_BYTES, TenantFactsCache
from shared.rules.plans import DECISIVE_PLANS
from tests.fakes import story
from tests.fakes.clock import FixedClock
from tests.fakes.graph import FakeTenant
from tests.fakes.ids import CountingIds
from tests.fakes.interference import Interference, die
from tests.fakes.rows import FakeRows

AT_MOST = timedelta(minutes=10)
A_SECOND = timedelta(seconds=1)


def a_sku(number: int, plans: int, name: str = "SKU") -> Sku:
    others = frozenset(f"{number:08}-0000-4000-8000-{plan:012}" for plan in range(plans))
    return replace(
        story.premium(), id=f"sku-{number}", part_number=f"{name}_{number}", plan_ids=others | DECISIVE_PLANS
    )


class Reading:
    """A cache over a tenant that has bought these."""

    def __init__(self, *skus: Sku) -> None:
        self.rows, self.clock = FakeRows(), FixedClock()
        self.tenant = FakeTenant(self.clock, skus or [story.premium()], [story.status_page()])

    async def get(self) -> TenantFacts:
        """As another instance would read them."""
        return await TenantFactsCache(Ledger(self.rows, CountingIds()), self.tenant, self.clock).get(at_most=AT_MOST)

    async def kept(self) -> list[str]:
        return [str(row.data["body"]) async for row in self.rows.scan(LEDGERS, "facts")]


async def test_facts_are_read_once_for_all_instances_until_they_are_too_old() -> None:
    reading = Reading()
    first = await reading.get()
    reading.clock.move(AT_MOST)
    assert await reading.get() == first
    assert reading.tenant.reads == 1
    reading.clock.move(A_SECOND)
    assert (await reading.get()).read_at == reading.clock.now()
    assert reading.tenant.reads == 2


async def test_a_process_that_has_young_facts_asks_neither_storage_nor_graph() -> None:
    reading, at = Reading(), Interference(lambda _: False, die)
    cache = TenantFactsCache(Ledger(at.around("rows", reading.rows), CountingIds()), reading.tenant, reading.clock)
    first = await cache.get(at_most=AT_MOST)
    asked = len(at.calls)
    reading.clock.move(AT_MOST)
    assert await cache.get(at_most=AT_MOST) == first
    assert len(at.calls) == asked
    reading.clock.move(A_SECOND)
    younger = await reading.get()
    assert await cache.get(at_most=AT_MOST) == younger, "another process read them meanwhile"
    assert (await cache.get(at_most=timedelta())).read_at == reading.clock.now()
    reading.clock.move(A_SECOND)
    assert (await cache.get(at_most=timedelta())).read_at == reading.clock.now()


async def test_facts_of_the_future_are_not_believed() -> None:
    reading = Reading()
    await reading.get()
    reading.clock.move(-A_SECOND)
    await reading.get()
    assert reading.tenant.reads == 2


async def test_only_the_plans_that_decide_are_kept() -> None:
    reading = Reading(a_sku(1, 60))
    (sku,) = (await reading.get()).skus
    assert sku.plan_ids == DECISIVE_PLANS
    assert await reading.get() == await reading.get()


async def test_a_tenant_with_sixty_products_of_sixty_plans_is_kept_like_any_other() -> None:
    reading = Reading(*(a_sku(number, 60) for number in range(60)))
    assert len((await reading.get()).skus) == 60
    await reading.get()
    assert reading.tenant.reads == 1
    (body,) = await reading.kept()
    assert len(body) <= MOST_BYTES


async def test_what_does_not_fit_into_a_row_is_read_each_time() -> None:
    reading = Reading(*(a_sku(number, 1, name="X" * 400) for number in range(100)))
    for _ in range(2):
        assert len((await reading.get()).skus) == 100
    assert reading.tenant.reads == 2
    assert await reading.kept() == []


@pytest.mark.parametrize(
    "body", ["not JSON", "[]", "{}", '{"read_at": "2026-03-02T09:00:00Z", "of": "another version"}']
)
async def test_what_cannot_be_understood_is_read_anew_and_replaced(body: str) -> None:
    reading = Reading()
    await reading.rows.upsert(LEDGERS, "facts", "tenant", {"body": body, "write_id": ""})
    for _ in range(2):
        assert (await reading.get()).mdm_authority == "intune"
    assert reading.tenant.reads == 1
