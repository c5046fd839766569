"""Two hosts on one storage account, killed again and again while the account itself goes away twice."""

import os

import pytest

from local.azurite import AzuriteMissing
from tests.safety.black_box import Outcome, run


async def test_killed_hosts_wipe_no_device_twice_or_wrongly_and_lose_no_case() -> None:
    outcome = await _ran(cases=20, kills=24)

    assert outcome.twice == []
    assert outcome.wrongly == []
    assert outcome.lost == []
    assert outcome.kills == 24
    assert outcome.azurite_restarts == 2
    assert outcome.wipes.total() > outcome.cases // 2


async def _ran(*, cases: int, kills: int) -> Outcome:
    try:
        return await run(cases=cases, kills=kills)
    except AzuriteMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
