"""The product over fakes, installed as this process's services for the time of one test."""

from collections.abc import Iterator

import pytest

from shared.bootstrap import install
from shared.domain.policy import Mode
from tests.fakes.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """DEF456's world in approve mode; the handlers use its services."""
    made = World(Mode.APPROVE)
    install(made.services)
    yield made
    install(None)
