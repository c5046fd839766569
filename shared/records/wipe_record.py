"""What became of the latest wipes: one document beside the budget, written together with it."""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.facts import PastWipe
from shared.domain.policy import Policy
from shared.records.ledger import Document
from shared.rules.guardrails import ramp_is_over

MOST_WIPES = 100
"""Oldest go first. Error budget and return rate look at fewer."""
MOST_POLICIES = 20


def past_wipes(record: Document | None) -> tuple[PastWipe, ...]:
    """The wipes, oldest first."""
    return tuple(_past(entry) for entry in _entries(record))


def ramped(record: Document | None) -> frozenset[str]:
    """The policies whose ramp is over."""
    return frozenset((record or {}).get("ramped", []))


def with_wipe(record: Document | None, *, nonce: str, device_id: str | None, policy: Policy, at: datetime) -> Document:
    """One more wipe that is paid for; a ramp that is over by now stays over when its wipes are forgotten."""
    over: list[str] = list((record or {}).get("ramped", []))
    if policy.ramp_version not in over and ramp_is_over(past_wipes(record), policy):
        over.append(policy.ramp_version)
    entry = {"nonce": nonce, "at": at.isoformat(), "policy": policy.ramp_version, "device": device_id}
    return {"wipes": [*_entries(record), entry][-MOST_WIPES:], "ramped": over[-MOST_POLICIES:]}


def without(record: Document | None, nonce: str) -> Document | None:
    """The record without a wipe that was not sent; None when it is not in it."""
    kept = [entry for entry in _entries(record) if entry["nonce"] != nonce]
    return None if len(kept) == len(_entries(record)) else {**(record or {}), "wipes": kept}


def with_news(record: Document | None, nonce: str, news: Document) -> Document | None:
    """The record with what became of a wipe; None when that says nothing new."""
    entries = _entries(record)
    changed = [entry | news if entry["nonce"] == nonce else entry for entry in entries]
    return None if changed == entries else {**(record or {}), "wipes": changed}


def sent_to(record: Document | None, device_id: str) -> tuple[datetime, ...]:
    """When wipes of this Intune device were paid for."""
    entries = [entry for entry in _entries(record) if (entry.get("device") or "").lower() == device_id.lower()]
    return tuple(datetime.fromisoformat(entry["at"]) for entry in entries)


def open_since(record: Document | None, before: datetime) -> tuple[str, ...]:
    """The Intune ids of wipes paid for ``before`` then that are not verified: proof, or a person's word, is still to come."""
    return tuple(
        str(entry["device"])
        for entry in _entries(record)
        if entry.get("device") and not entry.get("verified") and datetime.fromisoformat(entry["at"]) < before
    )


def _entries(record: Document | None) -> Sequence[Document]:
    return list((record or {}).get("wipes", []))


def _past(entry: Document) -> PastWipe:
    back_at = entry.get("back_at")
    return PastWipe(
        at=datetime.fromisoformat(entry["at"]),
        policy=entry["policy"],
        outcome=entry.get("outcome"),
        back_at=None if back_at is None else datetime.fromisoformat(back_at),
        verified=bool(entry.get("verified", False)),
    )
