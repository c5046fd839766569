"""Drift: seen by a look that only reads, kept where people see it, and looked for only when that is wanted."""

from dataclasses import replace

from shared.operate.tenant_drift import ShowDrift
from shared.tenant_setup.attest import Attest
from shared.tenant_setup.drift import LookForDrift
from tests.fakes.world import World
from tests.tenant_setup.desk import ADMIN, FILE, Desk, desk_of


def look(desk: Desk, *, wanted: bool = True) -> LookForDrift:
    return LookForDrift(planner=desk.planner, book=desk.book, clock=desk.clock, wanted=wanted)


async def shown(desk: Desk) -> dict[str, object]:
    return await ShowDrift(book=desk.book, looks=True).show()


async def attested(desk: Desk) -> None:
    await Attest(book=desk.attestations, clock=desk.clock).by_hand(by=ADMIN, scope="all")


async def test_a_tenant_that_stayed_as_it_was_made_has_no_drift() -> None:
    async with desk_of() as desk:
        await desk.apply()
        await attested(desk)
        writes = desk.model.counts.writes
        await look(desk).run()
        assert (await shown(desk))["state"] == "as_wanted"
        assert desk.model.counts.writes == writes


async def test_a_profile_that_somebody_changed_is_drift_and_is_not_mended() -> None:
    async with desk_of() as desk:
        await desk.apply()
        await attested(desk)
        desk.model.profiles.edit("Handover user-driven", user_type="administrator")
        writes = desk.model.counts.writes
        await look(desk).run()
        found = await shown(desk)
        assert (found["state"], found["changes"], found["at"]) == ("drifted", 1, desk.clock.now().isoformat())
        assert "    user type  administrator -> standard" in found["lines"]  # type: ignore[operator]  # a list of lines
        assert desk.model.counts.writes == writes
        assert desk.model.profiles.named("Handover user-driven").user_type == "administrator"


async def test_a_group_that_is_gone_is_drift() -> None:
    async with desk_of() as desk:
        await desk.apply()
        await attested(desk)
        group = desk.model.groups.find("Autopilot PCs")
        assert group is not None
        desk.model.groups.store.remove(group.id)
        await look(desk).run()
        assert '+ create: device group "Autopilot PCs"' in (await shown(desk))["lines"]  # type: ignore[operator]  # lines


async def test_a_tenant_that_cannot_be_read_is_not_called_as_wanted() -> None:
    async with desk_of() as desk:
        await desk.apply()
        await attested(desk)
        await look(desk).run()
        async with desk_of(scopes=("User.Read.All",)) as other:
            await replace(look(desk), planner=replace(desk.planner, reader=other.setup)).run()
        assert (await shown(desk))["state"] == "unreadable"


async def test_nothing_is_looked_at_before_something_was_applied_or_when_it_is_not_wanted() -> None:
    async with desk_of() as desk:
        await look(desk).run()
        assert (await shown(desk))["state"] == "never_looked"
        await desk.book.keep_file(FILE)
        await look(desk, wanted=False).run()
        assert (await shown(desk))["state"] == "never_looked"
        assert desk.model.counts.requests == 0


async def test_the_app_looks_only_when_the_setting_says_so() -> None:
    assert not World().services.look_for_drift.wanted
    assert World(tenant_drift=True).services.look_for_drift.wanted
    assert (await World().services.show_drift.show())["looks"] is False
