"""The wipe budget: who was wiped when, shared by all instances; a wipe is paid for by a conditional write before it is sent."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.domain.facts import WipeBudget
from shared.domain.policy import Policy
from shared.domain.reasons import Reason
from shared.records.ledger import Document, Ledger
from shared.rules.holding import budget_spent

_PARTITION = "wipe-budget"
_WINDOW = "window"
_UNTIL_IT_LEAVES = timedelta(minutes=1)
"""So long after it was paid a wipe may leave; two that leave within an hour must count together."""
_DAY = timedelta(days=1) + _UNTIL_IT_LEAVES
_HOUR = timedelta(hours=1) + _UNTIL_IT_LEAVES
FORGET_IN_FLIGHT_AFTER = timedelta(days=30)


class BudgetBook:
    """Reserves, releases and counts wipes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def view(self, serial_number: str, now: datetime) -> WipeBudget:
        """What is used of the budget at this moment."""
        window = await self._ledger.read(_PARTITION, _WINDOW)
        serial = await self._ledger.read(_PARTITION, _serial_key(serial_number))
        return _view(window, serial, now)

    async def reserve(
        self, *, nonce: str, serial_number: str, policy: Policy, now: datetime
    ) -> tuple[Reason, str] | None:
        """Pay for one wipe that leaves within a minute; None when paid, else the limit that stands in the way.

        The same nonce may pay again: it counts once, from the last time.
        """
        key = _serial_key(serial_number)
        denied: list[tuple[Reason, str]] = []

        def pay(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            denied.clear()
            # Who paid before, and did not send, pays again: what counts is when a wipe leaves, not when it was first meant to.
            wipes = [wipe for wipe in _current(documents.get(_WINDOW), now) if wipe["nonce"] != nonce]
            serial = documents.get(key)
            others = None if serial is None or serial["nonce"] == nonce else serial
            if spent := budget_spent(_view({"wipes": wipes}, others, now), policy, now):
                denied.append(spent)
                return {}
            wipes.append({"nonce": nonce, "at": now.isoformat(), "back": False})
            return {_WINDOW: {"wipes": wipes}, key: {"nonce": nonce, "at": now.isoformat()}}

        await self._ledger.change(_PARTITION, (_WINDOW, key), pay)
        return denied[0] if denied else None

    async def release(self, *, nonce: str, serial_number: str, now: datetime) -> None:
        """Give back what was paid for a wipe that certainly was not sent or was cleanly refused."""
        key = _serial_key(serial_number)

        def give_back(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            wipes = _current(documents.get(_WINDOW), now)
            kept = [wipe for wipe in wipes if wipe["nonce"] != nonce]
            changed: dict[str, Document] = {_WINDOW: {"wipes": kept}} if len(kept) < len(wipes) else {}
            if documents.get(key, {}).get("nonce") == nonce:
                changed[key] = {"nonce": None, "at": None}
            return changed

        await self._ledger.change(_PARTITION, (_WINDOW, key), give_back)

    async def came_back(self, *, nonce: str, now: datetime) -> None:
        """The wiped device is enrolled again: it no longer counts as in flight."""

        def mark(documents: Mapping[str, Document]) -> Mapping[str, Document]:
            wipes = _current(documents.get(_WINDOW), now)
            if not any(wipe["nonce"] == nonce and not wipe["back"] for wipe in wipes):
                return {}
            return {_WINDOW: {"wipes": [wipe | {"back": wipe["back"] or wipe["nonce"] == nonce} for wipe in wipes]}}

        await self._ledger.change(_PARTITION, (_WINDOW,), mark)


def _current(window: Document | None, now: datetime) -> list[Document]:
    """The wipes that still count: of the last day, or not back yet."""
    wipes: list[Document] = list((window or {}).get("wipes", []))
    return [w for w in wipes if _ago(w, now) < (_DAY if w["back"] else FORGET_IN_FLIGHT_AFTER)]


def _view(window: Document | None, serial: Document | None, now: datetime) -> WipeBudget:
    wipes = _current(window, now)
    ages = sorted(_ago(wipe, now) for wipe in wipes)
    in_hour = [a for a in ages if a < _HOUR]
    in_day = [a for a in ages if a < _DAY]
    serial_at = (serial or {}).get("at")
    return WipeBudget(
        last_hour=len(in_hour),
        last_day=len(in_day),
        in_flight=sum(not wipe["back"] for wipe in wipes),
        serial_wiped_at=None if serial_at is None else datetime.fromisoformat(serial_at),
        frees_at=now + (_HOUR - max(in_hour)) if in_hour else None,
    )


def _ago(wipe: Document, now: datetime) -> timedelta:
    # A clock that ran ahead must not make a wipe look older or vanish.
    return max(timedelta(), now - datetime.fromisoformat(wipe["at"]))


def _serial_key(serial_number: str) -> str:
    return "serial-" + hashlib.sha256(serial_number.strip().lower().encode()).hexdigest()[:32]
