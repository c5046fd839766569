"""The product over fakes, installed as this process's services for the time of one test."""

from collections.abc import Iterator

import pytest

from shared.bootstrap import install
from shared.domain.policy import Mode
from tests.fakes.world import World

PLAYS_ADA = "Ada;Approver,Operator"


@pytest.fixture
def world() -> Iterator[World]:
    """DEF456's world in approve mode; the handlers use its services, and Ada calls unless a request names another."""
    made = World(Mode.APPROVE, development_principal=PLAYS_ADA)
    install(made.services)
    yield made
    install(None)
