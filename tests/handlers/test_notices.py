"""The queue of notices: what cannot be read is parked, what failed every time as well."""

from handlers import notices
from shared.names import NOTICES
from tests.fakes.world import World
from tests.handlers.arguments import message


async def test_a_message_that_names_no_notice_is_parked(world: World) -> None:
    await notices.send_notice(message("not a pointer"))
    (parked,) = await world.services.parking.everything()
    assert (parked.source, parked.body) == (NOTICES, "not a pointer")


async def test_a_message_that_failed_every_time_is_parked(world: World) -> None:
    await notices.park_notice(message('{"v":1,"month":"2026-03","key":"k"}'))
    (parked,) = await world.services.parking.everything()
    assert parked.reason == "it failed every time it was tried"


async def test_a_message_about_a_notice_is_sent(world: World) -> None:
    await notices.send_notice(message('{"v":1,"month":"2026-03","key":"nothing"}'))
    assert await world.services.parking.everything() == []
