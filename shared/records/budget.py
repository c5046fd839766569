"""The wipe budget: who was wiped when, shared by all instances; a wipe is paid for by a conditional write before it is sent.

All its documents lie in one partition. A payment writes the window and the record of wipes each time, so that of two
payments at once one sees the other, whatever else they limit.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.domain.facts import Fleet, WipeBudget, WipeTarget
from shared.domain.policy import Policy
from shared.records.ledger import Document, Ledger
from shared.records.wipe_record import open_since, past_wipes, ramped, sent_to, with_news, with_wipe, without
from shared.rules.guardrails import ONE_YEAR, Hold, what_holds

_PARTITION = "wipe-budget"
_WINDOW = "window"
_RECORD = "record"
_UNTIL_IT_LEAVES = timedelta(minutes=1)
"""So long after it was paid a wipe may leave; two that leave within an hour must count together."""
_DAY = timedelta(days=1) + _UNTIL_IT_LEAVES
_HOUR = timedelta(hours=1) + _UNTIL_IT_LEAVES
FORGET_IN_FLIGHT_AFTER = timedelta(days=30)

Documents = Mapping[str, Document]


class BudgetBook:
    """Reserves, releases and counts wipes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def view(self, target: WipeTarget, now: datetime) -> WipeBudget:
        """What is used of the budget at this moment, for a wipe of this target."""
        read = {key: await self._ledger.read(_PARTITION, key) for key in _keys(target)}
        return _view({key: document for key, document in read.items() if document is not None}, target, now)

    async def reserve(
        self,
        *,
        nonce: str,
        target: WipeTarget,
        policy: Policy,
        fleet: Fleet | None,
        thawed_at: datetime | None,
        now: datetime,
    ) -> Hold | None:
        """Pay for one wipe that leaves within a minute; None when paid, else what stands in the way.

        The same nonce may pay again: it counts once, from the last time.
        """
        denied: list[Hold] = []

        def pay(documents: Documents) -> Documents:
            denied.clear()
            # Who paid before, and did not send, pays again: what counts is when a wipe leaves, not when it was first meant to.
            others = _without(documents, nonce, now)
            if hold := what_holds(_view(others, target, now), fleet, thawed_at, policy, now):
                denied.append(hold)
                return {}
            return _paid(others, nonce, target, policy, now)

        await self._ledger.change(_PARTITION, _keys(target), pay)
        return denied[0] if denied else None

    async def release(self, *, nonce: str, target: WipeTarget, now: datetime, failed: bool = False) -> None:
        """Give back what was paid for a wipe that certainly was not sent, was cleanly refused, or ``failed`` on the device.

        The one that failed stays in the record of wipes.
        """

        def give_back(documents: Documents) -> Documents:
            record = documents.get(_RECORD)
            changed = {key: given for key, doc in documents.items() if (given := _given_back(key, doc, nonce, now))}
            new = with_news(record, nonce, {"outcome": "failed"}) if failed else without(record, nonce)
            return changed if new is None else {**changed, _RECORD: new}

        await self._ledger.change(_PARTITION, _keys(target), give_back)

    async def became(
        self,
        *,
        nonce: str,
        now: datetime,
        outcome: str | None = None,
        back_at: datetime | None = None,
        verified: bool = False,
    ) -> None:
        """Write down what became of a wipe. ``verified``: proven, or a person closed its case; back or verified, it is no
        longer in flight."""
        news: Document = {} if outcome is None else {"outcome": outcome}
        news |= {} if back_at is None else {"back_at": back_at.isoformat()}
        news |= {"verified": True} if verified else {}
        over = back_at is not None or verified

        def note(documents: Documents) -> Documents:
            changed: dict[str, Document] = {}
            if (record := with_news(documents.get(_RECORD), nonce, news)) is not None:
                changed[_RECORD] = record
            wipes = _current(documents.get(_WINDOW), now)
            if over and any(wipe["nonce"] == nonce and not wipe["back"] for wipe in wipes):
                marked = [wipe | {"back": wipe["back"] or wipe["nonce"] == nonce} for wipe in wipes]
                changed[_WINDOW] = {"wipes": marked}
            return changed

        await self._ledger.change(_PARTITION, (_WINDOW, _RECORD) if over else (_RECORD,), note)

    async def still_open(self, *, paid_before: datetime) -> tuple[str, ...]:
        """The Intune ids of devices of whose wipe the record does not know the end."""
        return open_since(await self._ledger.read(_PARTITION, _RECORD), paid_before)

    async def paid_for(self, managed_device_id: str) -> tuple[datetime, ...]:
        """When the latest wipes of this Intune device were paid for."""
        return sent_to(await self._ledger.read(_PARTITION, _RECORD), managed_device_id)


def _without(documents: Documents, nonce: str, now: datetime) -> Documents:
    """Every document as if this attempt had not paid."""
    others = {key: _given_back(key, document, nonce, now) or document for key, document in documents.items()}
    record = without(documents.get(_RECORD), nonce)
    return others if record is None else {**others, _RECORD: record}


def _paid(documents: Documents, nonce: str, target: WipeTarget, policy: Policy, now: datetime) -> Documents:
    """Every document with one more wipe in it."""
    at = now.isoformat()
    serial, user, site = _serial_key(target), _user_key(target), _site_key(target)
    record = with_wipe(documents.get(_RECORD), nonce=nonce, device_id=target.device_id, policy=policy, at=now)
    written: dict[str, Document] = {
        _WINDOW: {"wipes": [*_current(documents.get(_WINDOW), now), {"nonce": nonce, "at": at, "back": False}]},
        _RECORD: record,
        serial: {"nonce": nonce, "at": at, "before": _earlier(documents.get(serial), now)},
    }
    if user is not None:
        written[user] = {"nonce": nonce, "at": at, "before": _earlier(documents.get(user), now)}
    if site is not None:
        written[site] = {"wipes": [*_of_the_hour(documents.get(site), now), {"nonce": nonce, "at": at}]}
    return written


def _given_back(key: str, document: Document, nonce: str, now: datetime) -> Document | None:
    """The document without the payment; None when the payment is not in it. The record of wipes is not for this."""
    if key == _RECORD:
        return None
    if "wipes" in document:
        wipes = _current(document, now) if key == _WINDOW else document["wipes"]
        kept = [wipe for wipe in wipes if wipe["nonce"] != nonce]
        return {"wipes": kept} if len(kept) < len(wipes) else None
    if document.get("nonce") != nonce:
        return None
    before: list[str] = document.get("before", [])
    return {"nonce": None, "at": before[-1] if before else None, "before": before[:-1]}


def _earlier(document: Document | None, now: datetime) -> list[str]:
    """The wipes of a serial number or a user in the last year, oldest first."""
    known = [*(document or {}).get("before", []), (document or {}).get("at")]
    return [at for at in known if at is not None and now - datetime.fromisoformat(at) < ONE_YEAR]


def _of_the_hour(site: Document | None, now: datetime) -> list[Document]:
    return [wipe for wipe in (site or {}).get("wipes", []) if _ago(wipe, now) < _HOUR]


def _current(window: Document | None, now: datetime) -> list[Document]:
    """The wipes that still count: of the last day, or not back yet."""
    wipes: list[Document] = list((window or {}).get("wipes", []))
    return [w for w in wipes if _ago(w, now) < (_DAY if w["back"] else FORGET_IN_FLIGHT_AFTER)]


def _view(documents: Documents, target: WipeTarget, now: datetime) -> WipeBudget:
    wipes = _current(documents.get(_WINDOW), now)
    ages = sorted(_ago(wipe, now) for wipe in wipes)
    in_hour, in_day = [a for a in ages if a < _HOUR], [a for a in ages if a < _DAY]
    serial, user = documents.get(_serial_key(target)), documents.get(_user_key(target) or "")
    at_site = [_ago(wipe, now) for wipe in _of_the_hour(documents.get(_site_key(target) or ""), now)]
    return WipeBudget(
        last_hour=len(in_hour),
        last_day=len(in_day),
        in_flight=sum(not wipe["back"] for wipe in wipes),
        serial_wiped_at=_last(serial),
        frees_at=now + (_HOUR - max(in_hour)) if in_hour else None,
        day_frees_at=now + (_DAY - max(in_day)) if in_day else None,
        serial_last_year=len(_earlier(serial, now)),
        user_wiped_at=_last(user),
        site_last_hour=len(at_site),
        site_frees_at=now + (_HOUR - max(at_site)) if at_site else None,
        wipes=past_wipes(documents.get(_RECORD)),
        ramped=ramped(documents.get(_RECORD)),
    )


def _last(document: Document | None) -> datetime | None:
    at = (document or {}).get("at")
    return None if at is None else datetime.fromisoformat(at)


def _ago(wipe: Document, now: datetime) -> timedelta:
    # A clock that ran ahead must not make a wipe look older or vanish.
    return max(timedelta(), now - datetime.fromisoformat(wipe["at"]))


def _keys(target: WipeTarget) -> tuple[str, ...]:
    keys = (_WINDOW, _RECORD, _serial_key(target), _user_key(target), _site_key(target))
    return tuple(key for key in keys if key is not None)


def _serial_key(target: WipeTarget) -> str:
    return _key("serial", target.serial_number)


def _user_key(target: WipeTarget) -> str | None:
    return _key("user", target.user_id) if target.user_id else None


def _site_key(target: WipeTarget) -> str | None:
    """None for an owner whose office is not known: then the site limits nothing."""
    return _key("site", target.site) if target.site and target.site.strip() else None


def _key(what: str, name: str) -> str:
    return f"{what}-" + hashlib.sha256(name.strip().lower().encode()).hexdigest()[:32]
