"""One mistake, or one intruder: the harm stays within the limits. The full figures are in ``make soak``."""

from shared.domain.policy import Mode
from tests.safety.harm import WAITING, at_most, bad_policy, broken_settings, forged


async def test_a_bad_policy_wipes_nothing_and_alarms_once() -> None:
    harm = await bad_policy(300)

    assert (harm.wipes, harm.alarms) == (0, 1)


async def test_forged_messages_wipe_nothing_that_nobody_approved() -> None:
    harm = await forged(1_500, Mode.APPROVE)

    assert (harm.wipes, harm.cases) == (0, WAITING)
    assert harm.grown_mebibytes < 50


async def test_forged_messages_wipe_no_more_than_the_limits_allow_in_mode_auto() -> None:
    harm = await forged(1_500, Mode.AUTO)

    assert 0 < harm.wipes <= at_most(1_500)


def test_broken_settings_are_refused_or_permit_no_more_than_they_say() -> None:
    assert broken_settings(500) == []
