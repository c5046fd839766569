"""Histories log a great deal; nobody reads it."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log while histories are lived through."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
