"""Fixtures for every test: the storage emulator, and an account of its own for each test that needs one."""

import os
from collections.abc import Iterator

import pytest

from local.azurite import Azurite, AzuriteMissing

_ACCOUNTS = tuple(f"handovertest{number:03}" for number in range(400))


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite in memory for the whole run."""
    emulator = Azurite(accounts=_ACCOUNTS)
    try:
        emulator.start()
    except AzuriteMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def _unused_accounts() -> Iterator[str]:
    return iter(_ACCOUNTS)


@pytest.fixture
def azurite_account(azurite: Azurite, _unused_accounts: Iterator[str]) -> str:
    """The connection string of a storage account no other test has touched; it needs no clean-up."""
    name = next(_unused_accounts, None)
    assert name is not None, f"more than {len(_ACCOUNTS)} tests ask for an account: raise the number"
    return azurite.account(name)
