"""Microsoft Graph change notifications: untrusted, possibly late, duplicated, mixed or forged. They become hints, never evidence.

Source: "Receive change notifications through webhooks" and "Lifecycle notifications" in the Microsoft Graph docs.
"""

import hmac
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput

MOST_BYTES = 1_000_000
MOST_ITEMS = 1_000
_GUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_RESOURCE = re.compile(rf"(?i:(?P<kind>users|groups))(?:/(?P<id>{_GUID})|\('(?P<quoted>{_GUID})'\))(?:/[A-Za-z]+)*")


class Discard(StrEnum):
    """Why one notification was not used. The sender is never told."""

    NOT_AN_OBJECT = "not_an_object"
    WRONG_CLIENT_STATE = "wrong_client_state"
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    OTHER_TENANT = "other_tenant"
    UNKNOWN_RESOURCE = "unknown_resource"
    ENCRYPTED_CONTENT = "encrypted_content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a genuine notification carries."""

    tenant_id: str
    client_states: tuple[bytes, ...]
    subscription_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """A lifecycle notification about one of our subscriptions."""

    subscription_id: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One POST, sorted: distinct hints, lifecycle events, and counts of what was discarded and why."""

    hints: tuple[Hint, ...]
    lifecycle: tuple[Lifecycle, ...]
    discarded: Mapping[Discard, int] = field(default_factory=dict[Discard, int])
    heard_of: frozenset[str] = frozenset()
    """Ids of the subscriptions that told the hints, lower case."""


def read_notifications(body: bytes, expected: Expected, now: datetime) -> Received:
    """Sort one POST body. Raises BadInput when it is not a changeNotificationCollection of a sensible size."""
    items = _items(body)
    hints: dict[tuple[Subject, str], Hint] = {}
    lifecycle: dict[Lifecycle, None] = {}
    discarded: Counter[Discard] = Counter()
    heard_of = set[str]()
    for item in items:
        read = _read(item, expected, now)
        match read:
            case Hint():
                hints[read.subject, read.key] = read
                heard_of.add(_text(cast("dict[str, object]", item)["subscriptionId"]).lower())
            case Lifecycle():
                lifecycle[read] = None
            case Discard():
                discarded[read] += 1
    return Received(
        hints=tuple(hints.values()),
        lifecycle=tuple(lifecycle),
        discarded=dict(discarded),
        heard_of=frozenset(heard_of),
    )


def _items(body: bytes) -> list[object]:
    if len(body) > MOST_BYTES:
        raise BadInput("the body is larger than 1 MB")
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("the body is not JSON") from error
    items = cast("dict[str, object]", document).get("value") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise BadInput("the body has no list named value")
    found = cast("list[object]", items)
    if len(found) > MOST_ITEMS:
        raise BadInput("more than 1,000 notifications in one body")
    return found


def _read(item: object, expected: Expected, now: datetime) -> Hint | Lifecycle | Discard:
    if not isinstance(item, dict):
        return Discard.NOT_AN_OBJECT
    fields = cast("dict[str, object]", item)
    if not _client_state_fits(fields.get("clientState"), expected.client_states):
        return Discard.WRONG_CLIENT_STATE
    subscription_id = _text(fields.get("subscriptionId")).lower()
    if subscription_id not in expected.subscription_ids:
        return Discard.UNKNOWN_SUBSCRIPTION
    if _text(fields.get("tenantId")).lower() != expected.tenant_id.lower():
        return Discard.OTHER_TENANT
    if event := _text(fields.get("lifecycleEvent")):
        return Lifecycle(subscription_id=subscription_id, event=event[:64])
    if fields.get("encryptedContent") is not None:
        return Discard.ENCRYPTED_CONTENT
    resource = _RESOURCE.fullmatch(_text(fields.get("resource")))
    if resource is None:
        return Discard.UNKNOWN_RESOURCE
    user = resource["kind"].lower() == "users"
    return Hint(
        subject=Subject.USER if user else Subject.GROUP,
        key=(resource["id"] or resource["quoted"]).lower(),
        cause=Cause.USER_CHANGED if user else Cause.GROUP_CHANGED,
        source="graph",
        at=now,
    )


def _client_state_fits(given: object, valid: tuple[bytes, ...]) -> bool:
    """Compare with every valid secret, on bytes and in constant time: str comparison would refuse non-ASCII."""
    secret = _text(given).encode("utf-8", "surrogatepass")
    fits = [hmac.compare_digest(secret, one) for one in valid]
    return any(fits)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
