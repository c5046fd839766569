"""The published schema of device events and the code say the same of every event, and the examples in the docs are such events."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.errors import BadInput
from shared.intake.device_events import TYPES, read_device_event

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA: dict[str, Any] = json.loads((DOCS / "device-events.schema.json").read_text())
VALIDATOR: Any = Draft202012Validator(SCHEMA)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
GUID = "22222222-0000-4000-8000-00000000abcD"
ABSENT = object()

GOOD: dict[str, list[object]] = {
    "specversion": ["1.0"],
    "id": ["1", "x" * 256],
    "source": ["/itsm", "urn:hr"],
    "type": list(TYPES),
    "time": ["2026-03-02T08:00:00Z", "2026-03-02T08:00:00.1234567+01:00", "2026-03-02T08:00:00", None],
}
BAD: dict[str, list[object]] = {
    "specversion": ["0.3", 1.0, None],
    "id": ["", "x" * 257, 5, None],
    "source": ["", "x" * 1025, [], None],
    "type": ["device.exploded", "", None, 5],
    "time": ["yesterday", "02.03.2026", {}, ""],
}
GOOD_DATA: dict[str, list[object]] = {
    "managedDeviceId": [GUID, None],
    "entraDeviceId": [GUID, None],
    "serialNumber": ["5CG1234XYZ", " VMware-56 4d.1_2 ", "x" * 64, None],
    "userId": [GUID, None],
    "requestedBy": ["ada@contoso.example", None],
    "userPrincipalName": ["DEF456@contoso.example", "grüße@contoso.example", "x" * 113, GUID, None],
}
BAD_DATA: dict[str, list[object]] = {
    "managedDeviceId": ["all", "", 5, GUID[:-1], f"{{{GUID}}}"],
    "entraDeviceId": ["x", [], True],
    "serialNumber": ["", "   ", "5CG'1", "x" * 65, "a/b", 5],
    "userId": ["DEF456@contoso.example", "", {}],
    "requestedBy": ["", "a b", "x" * 114, 5],
    "userPrincipalName": ["", "a b", "a/b", "a?b", "a#b", "100%", "x" * 114, "a\\b", 5],
}


EVENT = {"specversion": "1.0", "id": "1", "source": "/itsm", "type": "device.noncompliant"}


def fields(good: dict[str, list[object]], bad: dict[str, list[object]]) -> st.SearchStrategy[dict[str, object]]:
    """Mostly good values, now and then a bad one, now and then none; and fields that nobody reads."""
    drawn = {
        name: st.one_of(*[st.sampled_from(good[name])] * 6, st.sampled_from([*good[name], *bad[name], ABSENT]))
        for name in good
    }
    return st.fixed_dictionaries(drawn, optional={"note": st.integers()}).map(
        lambda all_of_them: {name: value for name, value in all_of_them.items() if value is not ABSENT}
    )


def taken(document: object) -> bool:
    try:
        read_device_event(json.dumps(document), NOW)
    except BadInput:
        return False
    return True


ONE_AT_A_TIME = [
    *((name, value, False) for name, values in GOOD.items() for value in values),
    *((name, value, False) for name, values in BAD.items() for value in values),
    *((name, value, True) for name, values in GOOD_DATA.items() for value in values),
    *((name, value, True) for name, values in BAD_DATA.items() for value in values),
]


@pytest.mark.parametrize(("name", "value", "in_data"), ONE_AT_A_TIME, ids=range(len(ONE_AT_A_TIME)))
def test_each_value_by_itself_is_judged_alike_and_as_meant(name: str, value: object, in_data: bool) -> None:
    data: dict[str, object] = {"managedDeviceId": GUID, "entraDeviceId": GUID, "serialNumber": "5CG", "userId": GUID}
    document: dict[str, object] = {**EVENT, "data": {**data, name: value} if in_data else data}
    document |= {} if in_data else {name: value}
    good = any(value is each for each in (GOOD_DATA if in_data else GOOD)[name])
    assert VALIDATOR.is_valid(document) == taken(document) == good


@settings(max_examples=2000, deadline=None)
@given(fields(GOOD, BAD), st.one_of(fields(GOOD_DATA, BAD_DATA), st.sampled_from([None, [], "data", 5])))
@example(EVENT, {"serialNumber": "5CG1234XYZ"})
@example(EVENT, {})
@example({**EVENT, "type": "device.user-assigned"}, {"serialNumber": "5CG1234XYZ"})
@example({**EVENT, "type": "device.user-assigned"}, {"userId": GUID})
@example({**EVENT, "type": "user.licence-changed"}, {"userPrincipalName": "DEF456@contoso.example"})
@example({**EVENT, "type": "user.licence-changed"}, {"userId": GUID})
def test_the_schema_and_the_code_agree(envelope: dict[str, object], data: object) -> None:
    document = {**envelope, "data": data}
    assert VALIDATOR.is_valid(document) == taken(document)


@pytest.mark.parametrize("document", [None, [], 5, "event", {}])
def test_what_is_no_event_at_all_is_refused_by_both(document: object) -> None:
    assert not VALIDATOR.is_valid(document)
    assert not taken(document)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_event_in_the_docs_is_taken() -> None:
    page = (DOCS / "device-events.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    events = [block for block in blocks if "specversion" in block]
    assert events
    for document in events:
        assert VALIDATOR.is_valid(document)
        assert taken(document)


def test_the_docs_name_every_type_and_every_field() -> None:
    page = (DOCS / "device-events.md").read_text()
    names = [*TYPES, *SCHEMA["$defs"]["data"]["properties"]]
    assert [name for name in names if f"`{name}`" not in page] == []
