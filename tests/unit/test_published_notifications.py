"""The bodies that Microsoft's documentation shows, when they lie beside this repository."""

import json
from pathlib import Path
from typing import cast

import pytest

from shared.errors import BadInput
from shared.intake.notifications import Discard, Expected, Received, read_notifications
from tests.builders import NOW, OWNER_ID

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT.parent / "shared" / "data" / "notification-samples"
TENANT, SUBSCRIPTION, SECRET = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01", "7f105c7d", "a secret of ours"
PLACEHOLDERS = {
    "<guid>": SECRET,
    "<secretClientState>": SECRET,
    "<microsoft-graph-subscription-id>": SUBSCRIPTION,
    "<subscription_guid>": SUBSCRIPTION,
    "<tenant-id>": TENANT,
    "<tenant_guid>": TENANT,
    "<user-id>": OWNER_ID,
    "<group-id>": OWNER_ID,
}

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published samples are not beside this repository")


def _body(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def _read(body: str, secret: str = SECRET) -> Received:
    for placeholder, value in PLACEHOLDERS.items():
        body = body.replace(placeholder, value)
    expected = Expected(tenant_id=TENANT, client_states=(secret.encode(),), subscription_ids=frozenset({SUBSCRIPTION}))
    return read_notifications(body.encode(), expected, NOW)


def _collections() -> list[str]:
    found: list[str] = []
    for path in sorted(SAMPLES.glob("*.json")):
        document: object = json.loads(path.read_text(encoding="utf-8"))
        value = cast("dict[str, object]", document).get("value") if isinstance(document, dict) else None
        if isinstance(value, list):
            found.append(path.name)
    return found


@pytest.mark.parametrize("kind", ["user", "group"])
@pytest.mark.parametrize("change", ["updated", "deleted"])
def test_a_published_change_becomes_one_hint(kind: str, change: str):
    received = _read(_body(f"08-DERIVED-webhook-{kind}-{change}.json"))

    assert [(hint.subject.value, hint.key) for hint in received.hints] == [(kind, OWNER_ID)]
    assert received.discarded == {}


@pytest.mark.parametrize("event", ["missed", "reauthorizationRequired", "subscriptionRemoved"])
def test_a_published_lifecycle_notification_is_told_apart(event: str):
    received = _read(_body(f"09-lifecycle-{event}.json"))

    assert [each.event for each in received.lifecycle] == [event]
    assert received.hints == ()


@pytest.mark.parametrize("name", _collections())
def test_no_published_body_is_believed_without_our_secret(name: str):
    received = _read(_body(name), secret="another secret")

    assert (received.hints, received.lifecycle) == ((), ())
    assert set(received.discarded) <= {Discard.WRONG_CLIENT_STATE}


@pytest.mark.parametrize("change", ["user-updated", "group-deleted"])
def test_an_event_grid_event_is_not_for_the_webhook(change: str):
    with pytest.raises(BadInput):
        _read(_body(f"07-eventgrid-{change}.cloudevent.json"))
