"""What goes through the bindings: queue outputs as worker and host treat them, message encodings, HTTP answers."""

import json
import typing
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest

from local.host.bindings import (
    QueueMetadata,
    decode_body,
    encode_body,
    http_answer,
    queue_argument,
    queue_output,
    timer_argument,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "annotation", "bodies"),
    [
        (None, str, []),
        ("plain", str, [b"plain"]),
        (b"\xff", bytes, [b"\xff"]),
        (["a", "b"], typing.List[str], [b"a", b"b"]),  # noqa: UP006 - the only spelling that the worker loads
        (["a", "b"], str, [b"a", b"b"]),
        ("[1, [2]]", str, [b"1", b"[\n  2\n]"]),
        ("[]", str, []),
        ('{"a":1}', str, [b'{\n  "a": 1\n}']),
        ({"a": 1}, str, [b'{\n  "a": 1\n}']),
        (func.QueueMessage(body="x"), func.QueueMessage, [b'{\n  "id": null,\n  "body": "x"\n}']),
    ],
)
def test_a_queue_output_becomes_the_messages_that_worker_and_host_make_of_it(
    value: object, annotation: object, bodies: list[bytes]
) -> None:
    assert queue_output(value, annotation) == bodies


@pytest.mark.parametrize("annotation", [None, func.QueueMessage, typing.List[str]])  # noqa: UP006 - as above
def test_a_dict_is_refused_where_the_library_would_lose_its_values(annotation: object) -> None:
    with pytest.raises(TypeError, match=r"json\.dumps"):
        queue_output({"lost": "value"}, annotation)


@pytest.mark.parametrize(("value", "annotation"), [(object(), str), (7, None), ([b"x"], None)])
def test_what_cannot_be_a_message_is_refused(value: object, annotation: object) -> None:
    with pytest.raises(TypeError, match="queue output"):
        queue_output(value, annotation)


def test_text_that_only_looks_like_json_fails_as_in_the_host() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        queue_output("{not json}", str)


def test_bodies_are_base64_unless_host_json_says_none() -> None:
    assert encode_body(b"\xff", "base64") == "/w=="
    assert decode_body(" /w\n==", "base64") == b"\xff"
    assert decode_body(encode_body(b"text", "none"), "none") == b"text"
    with pytest.raises(ValueError, match="utf-8"):
        encode_body(b"\xff", "none")


@pytest.mark.parametrize("content", ["plain text", "dGV4dA", "dGV4dA==!", "{}"])
def test_what_is_not_base64_is_not_decoded_by_halves(content: str) -> None:
    with pytest.raises(ValueError):
        decode_body(content, "base64")


def test_a_queue_message_carries_its_metadata() -> None:
    metadata = QueueMetadata(
        id="1",
        dequeue_count=3,
        pop_receipt="receipt",
        inserted_on=NOW,
        expires_on=NOW + timedelta(days=7),
        next_visible_on=NOW.replace(microsecond=0),
    )
    message = queue_argument(metadata, b"text", binary=False, plain=False)
    assert isinstance(message, func.QueueMessage)
    assert (message.id, message.dequeue_count, message.pop_receipt) == ("1", 3, "receipt")
    assert (message.insertion_time, message.time_next_visible) == (NOW, NOW.replace(microsecond=0))
    assert message.get_body() == b"text"
    assert queue_argument(metadata, b"text", binary=False, plain=True) == "text"
    assert queue_argument(metadata, b"\xff", binary=True, plain=True) == b"\xff"


def test_a_timer_request_says_whether_it_is_past_due() -> None:
    request = timer_argument(past_due=True, last=None, due=NOW, plain=False)
    assert isinstance(request, func.TimerRequest)
    assert request.past_due is True
    text = timer_argument(past_due=False, last=NOW, due=NOW, plain=True)
    assert isinstance(text, str)
    assert json.loads(text)["IsPastDue"] is False


def test_an_http_answer_keeps_status_type_charset_and_every_cookie() -> None:
    response = func.HttpResponse("é", status_code=201, charset="latin-1", headers={"X-One": "1"})
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2")
    answer = http_answer(response)
    assert (answer.status, answer.body) == (201, b"\xe9")
    assert list(answer.headers) == [
        ("X-One", "1"),
        ("content-type", "text/plain; charset=latin-1"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
    ]


@pytest.mark.parametrize("value", [None, b"bytes", {"a": 1}])
def test_an_http_function_may_only_return_a_response_or_text(value: object) -> None:
    assert http_answer("text").body == b"text"
    with pytest.raises(TypeError, match="HttpResponse or str"):
        http_answer(value)
