"""Graph's JSON is read tolerantly, and what goes into a URL is read strictly."""

from datetime import UTC, datetime

import pytest

from shared.clients.graph import values


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-01T10:20:30Z", datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)),
        ("2026-03-01T10:20:30.1234567Z", datetime(2026, 3, 1, 10, 20, 30, 123456, tzinfo=UTC)),
        ("2026-03-01T10:20:30.1234567+00:00", datetime(2026, 3, 1, 10, 20, 30, 123456, tzinfo=UTC)),
        ("2026-03-01T12:20:30+02:00", datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)),
        ("2026-03-01T10:20:30", datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("", None),
        ("yesterday", None),
        (None, None),
        (1767225600, None),
    ],
)
def test_times_are_read_as_utc_and_never_or_no_end_as_none(written: object, read: datetime | None) -> None:
    assert values.moment({"at": written}, "at") == read


@pytest.mark.parametrize("nothing", [None, "", " ", values.NO_GUID, 7, [], {}])
def test_a_link_to_nothing_is_none(nothing: object) -> None:
    assert values.link({"userId": nothing}, "userId") is None
    assert values.link({}, "userId") is None


@pytest.mark.parametrize("value", [None, "", " ", "\u2003\n", values.NO_GUID, "a", " a ", 7, True, [], ["a"], {}])
def test_many_values_at_once_are_read_as_each_by_itself(value: object) -> None:
    row, names = {"is": value}, ("is", "is not")
    assert values.all_texts(row, names) == [values.text(row, name) for name in names]
    assert values.all_words(row, names) == [values.word(row, name) for name in names]
    assert values.all_links(row, names) == [values.link(row, name) for name in names]


def test_values_of_another_type_are_read_as_empty() -> None:
    row: values.Json = {"text": 1, "whole": "1", "flag": True, "inner": [], "rows": {}, "mixed": [{"a": 1}, None, 2]}
    assert values.text(row, "text") == ""
    assert values.whole(row, "whole") == 0
    assert values.whole(row, "flag") == 0
    assert values.inner(row, "inner") == {}
    assert values.rows(row, "rows") == ()
    assert values.rows(row, "mixed") == ({"a": 1},)


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "a\\b", "a b", "a\nb", "x" * 257])
def test_what_would_change_a_path_is_no_user(key: str) -> None:
    assert not values.is_user_key(key)


@pytest.mark.parametrize(
    "key", ["DEF456@contoso.com", "o'neil@contoso.com", "guest_fabrikam.com#EXT#@contoso.com", "5f0c2a7e-2222"]
)
def test_what_can_be_an_id_or_upn_is_a_user(key: str) -> None:
    assert values.is_user_key(key)


@pytest.mark.parametrize("key", ["", "..", "a/b", "a.b", "-a", "a b", "a?b", "é", "a" * 129, "id\n"])
def test_what_would_change_a_path_is_no_id(key: str) -> None:
    assert not values.is_path_id(key)


@pytest.mark.parametrize("serial", ["", "a'b", "a,b", "a/b", "a)b", "ä1", "1" * 65, "SN\n", "SN\t1"])
def test_what_could_change_a_filter_is_no_serial_number(serial: str) -> None:
    assert not values.is_serial_number(serial)


def test_quotes_are_doubled_in_a_filter() -> None:
    assert values.quoted("o'neil") == "'o''neil'"


def test_ids_are_the_same_in_any_case_and_none_is_the_same_as_nothing() -> None:
    assert values.same("ABC ", " abc")
    assert not values.same(None, None)
    assert not values.same("abc", None)
