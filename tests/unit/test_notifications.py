"""What Graph posts to us: genuine notifications become hints, everything else is counted, nothing is believed."""

import json
from pathlib import Path

import pytest

from shared.domain.hint import Cause, Hint, Subject
from shared.errors import BadInput
from shared.intake.notifications import (
    MOST_BYTES,
    MOST_ITEMS,
    Discard,
    Expected,
    Lifecycle,
    Received,
    read_notifications,
)
from tests.builders import NOW, OWNER_ID

PAYLOADS = Path(__file__).parents[1] / "payloads"
TENANT = "5c1d3c0e-8f57-4f0e-9d0b-6c1b8a4f0a01"
SUBSCRIPTION = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
GROUP_ID = "44444444-0000-4000-8000-000000000001"
SECRET = "the-secret-that-graph-repeats"
EXPECTED = Expected(
    tenant_id=TENANT, client_states=(SECRET.encode(), b"the one before"), subscription_ids=frozenset({SUBSCRIPTION})
)
USER_HINT = Hint(subject=Subject.USER, key=OWNER_ID, cause=Cause.USER_CHANGED, source="graph", at=NOW)
GROUP_HINT = Hint(subject=Subject.GROUP, key=GROUP_ID, cause=Cause.GROUP_CHANGED, source="graph", at=NOW)


def _payload(name: str) -> Received:
    return read_notifications((PAYLOADS / name).read_bytes(), EXPECTED, NOW)


def _one(**fields: object) -> Received:
    notification: dict[str, object] = {
        "changeType": "updated",
        "clientState": SECRET,
        "resource": f"Users/{OWNER_ID}",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }
    return read_notifications(json.dumps({"value": [{**notification, **fields}]}).encode(), EXPECTED, NOW)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("graph_user_updated.json", USER_HINT),
        ("graph_user_deleted.json", USER_HINT),
        ("graph_group_members_updated.json", GROUP_HINT),
    ],
)
def test_a_genuine_notification_becomes_a_hint(name: str, hint: Hint):
    assert _payload(name) == Received(hints=(hint,), lifecycle=(), heard_of=frozenset({SUBSCRIPTION}))


def test_lifecycle_notifications_are_told_apart_and_make_no_hint():
    assert _payload("graph_lifecycle.json") == Received(
        hints=(),
        lifecycle=tuple(
            Lifecycle(subscription_id=SUBSCRIPTION, event=event)
            for event in ("reauthorizationRequired", "missed", "subscriptionRemoved")
        ),
    )


def test_of_many_each_device_is_hinted_once_and_what_is_discarded_is_counted():
    assert _payload("graph_many_mixed.json") == Received(
        hints=(USER_HINT, GROUP_HINT),
        lifecycle=(),
        heard_of=frozenset({SUBSCRIPTION}),
        discarded={
            Discard.WRONG_CLIENT_STATE: 1,
            Discard.UNKNOWN_SUBSCRIPTION: 1,
            Discard.OTHER_TENANT: 1,
            Discard.UNKNOWN_RESOURCE: 1,
            Discard.NOT_AN_OBJECT: 1,
        },
    )


def test_encrypted_content_was_never_asked_for():
    assert _payload("graph_encrypted.json").discarded == {Discard.ENCRYPTED_CONTENT: 1}


def test_an_empty_collection_is_no_hint_and_no_error():
    assert _payload("graph_empty.json") == Received(hints=(), lifecycle=())


@pytest.mark.parametrize(
    ("resource", "hint"),
    [
        (f"users/{OWNER_ID}", USER_HINT),
        (f"USERS/{OWNER_ID.upper()}", USER_HINT),
        (f"users('{OWNER_ID}')", USER_HINT),
        (f"groups/{GROUP_ID}/members", GROUP_HINT),
        (f"Groups('{GROUP_ID}')/members", GROUP_HINT),
    ],
)
def test_graph_spells_a_resource_in_several_ways(resource: str, hint: Hint):
    assert _one(resource=resource).hints == (hint,)


@pytest.mark.parametrize(
    "resource",
    [
        "",
        None,
        5,
        "users",
        "users/",
        "users/DEF456@contoso.example",
        f"users/{OWNER_ID}@{TENANT}/messages/AAMkAD",
        f"users/{OWNER_ID}/../../deviceManagement",
        f"users/{OWNER_ID}?$select=id",
        f"users/{OWNER_ID}\n",
        f"users('{OWNER_ID}",
        f"https://graph.microsoft.com/v1.0/users/{OWNER_ID}",
        f"devices/{OWNER_ID}",
        f"deviceManagement/managedDevices/{OWNER_ID}",
        "users/\ud800",
    ],
)
def test_a_resource_that_is_not_a_user_or_group_by_id_is_discarded(resource: object):
    assert _one(resource=resource) == Received(hints=(), lifecycle=(), discarded={Discard.UNKNOWN_RESOURCE: 1})


@pytest.mark.parametrize(
    "state", [None, "", "a guess", SECRET.upper(), SECRET + " ", SECRET[:-1], 5, ["x"], "ß" * 20, "\ud800"]
)
def test_without_the_secret_nothing_is_believed(state: object):
    assert _one(clientState=state).discarded == {Discard.WRONG_CLIENT_STATE: 1}
    assert _one(clientState=state, lifecycleEvent="subscriptionRemoved").lifecycle == ()


def test_the_secret_of_before_the_last_rotation_is_still_good():
    assert _one(clientState="the one before").hints == (USER_HINT,)


def test_without_any_secret_of_ours_nothing_is_believed():
    nothing_set = Expected(tenant_id=TENANT, client_states=(), subscription_ids=frozenset({SUBSCRIPTION}))
    body = (PAYLOADS / "graph_user_updated.json").read_bytes()

    assert read_notifications(body, nothing_set, NOW).discarded == {Discard.WRONG_CLIENT_STATE: 1}


@pytest.mark.parametrize("subscription", [None, "", "unknown", 5])
def test_a_subscription_that_is_not_ours_is_discarded(subscription: object):
    assert _one(subscriptionId=subscription).discarded == {Discard.UNKNOWN_SUBSCRIPTION: 1}


@pytest.mark.parametrize("tenant", [None, "", "another", 5])
def test_another_tenants_notification_is_discarded(tenant: object):
    assert _one(tenantId=tenant).discarded == {Discard.OTHER_TENANT: 1}


def test_ids_are_the_same_in_any_case():
    assert _one(subscriptionId=SUBSCRIPTION.upper(), tenantId=TENANT.upper()).hints == (USER_HINT,)


def test_a_lifecycle_event_that_we_do_not_know_is_cut_and_passed_on():
    received = _one(lifecycleEvent="x" * 500)

    assert received.lifecycle == (Lifecycle(subscription_id=SUBSCRIPTION, event="x" * 64),)
    assert _one(lifecycleEvent=5).hints == (USER_HINT,)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\xff",
        b"[]",
        b"null",
        b'"value"',
        b"{}",
        b'{"value": null}',
        b'{"value": {}}',
        b'{"value": ' + b"[" * 100_000,
        b'{"value": [' + b"9" * 5000 + b"]}",
        b'{"value": [' + b"{}," * MOST_ITEMS + b"{}]}",
        b'{"value": []}' + b" " * MOST_BYTES,
    ],
)
def test_a_body_that_is_no_collection_of_a_sensible_size_is_bad_input(body: bytes):
    with pytest.raises(BadInput):
        read_notifications(body, EXPECTED, NOW)


def test_the_largest_allowed_body_is_read():
    body = b'{"value": [' + b",".join([b"{}"] * MOST_ITEMS) + b"]}"

    received = read_notifications(body + b" " * (MOST_BYTES - len(body)), EXPECTED, NOW)

    assert received.discarded == {Discard.WRONG_CLIENT_STATE: MOST_ITEMS}
