"""What is logged, and above all what is not."""

import enum
import io
import json
import logging
import math
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import SecretStr

from shared import telemetry
from shared.errors import BadInput, RetryLater
from shared.telemetry import Redaction, event, is_secret, pseudonym, set_up_logging

SECRET = "s3cr3t-value"  # made up
LOUD = ("azure.core.pipeline.policies.http_logging_policy", "azure.identity.aio", "httpx", "msal.token_cache")


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a root logger of its own, with one plain handler, writes after logging was set up."""
    root, quiet = logging.getLogger(), [logging.getLogger(name) for name in telemetry._TALKATIVE]  # pyright: ignore[reportPrivateUsage]  # to put back what set-up changes
    levels = [(logger, logger.level) for logger in (root, *quiet)]
    stream = io.StringIO()
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler(stream)])
    monkeypatch.setattr(telemetry, "_key", None)
    set_up_logging()
    yield stream
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("shared.remedy.advance")


def lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


class Colour(enum.Enum):
    RED = "red"


def test_an_event_is_one_json_line_with_its_name_and_fields(output: io.StringIO, log: logging.Logger) -> None:
    before = datetime.now(UTC)
    event(log, "case.moved", level=logging.WARNING, case="c1", version=3, ok=True, share=0.5, owner=None)
    [line] = lines(output)
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(str(line.pop("at"))) <= datetime.now(UTC)
    assert line == {
        "level": "WARNING", "logger": "shared.remedy.advance", "event": "case.moved",
        "case": "c1", "version": 3, "ok": True, "share": 0.5, "owner": None,
    }  # fmt: skip


def test_an_event_below_the_level_is_not_written(output: io.StringIO, log: logging.Logger) -> None:
    event(log, "case.looked_at", level=logging.DEBUG)
    assert output.getvalue() == ""


def test_fields_may_have_any_name_without_harm_to_the_rest_of_the_line(
    output: io.StringIO, log: logging.Logger
) -> None:
    event(log, "x.happened", name="n", msg="m", args="a", event="e", logger="l", at="t", error="r")
    [line] = lines(output)
    assert (line["event"], line["logger"]) == ("x.happened", "shared.remedy.advance")
    assert [line[name] for name in ("name", "msg", "args", "event_", "logger_", "at_", "error")] == list("nmaeltr")


def test_times_enums_and_nested_values_become_json(output: io.StringIO, log: logging.Logger) -> None:
    nine = datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=9)))
    event(log, "x.happened", at_nine=nine, colour=Colour.RED, nested={"list": [1, (2, nine)]}, odd=math.inf)
    [line] = lines(output)
    assert line["at_nine"] == "2026-03-02T00:00:00Z"
    assert line["colour"] == "red"
    assert line["nested"] == {"list": [1, [2, "2026-03-02T00:00:00Z"]]}
    assert line["odd"] == "inf"


def test_no_input_can_begin_a_line_of_its_own_or_colour_a_terminal(output: io.StringIO, log: logging.Logger) -> None:
    evil = 'x\r\n{"event":"wipe.accepted"}\x1b[31m\x00\x7f\x85\u2028\u202e\ud800'
    event(log, "x.happened", value=evil, **{f"field{evil}": 1})
    log.warning("text %s", evil)
    written = output.getvalue()
    assert written.endswith("}\n")
    assert written.count("\n") == 2
    assert all(" " <= character <= "~" for character in written.replace("\n", ""))
    assert lines(output)[0]["value"] == evil


def test_long_values_and_long_texts_are_cut_at_256_characters(output: io.StringIO, log: logging.Logger) -> None:
    event(log, "x.happened", value="v" * 257, nested=["w" * 10_000])
    log.warning("t" * 10_000)
    first, second = lines(output)
    assert (first["value"], first["nested"]) == ("v" * 256, ["w" * 256])
    assert second["event"] == "t" * 256


def test_long_lists_and_deep_or_endless_nesting_are_cut(output: io.StringIO, log: logging.Logger) -> None:
    endless: list[object] = []
    endless.append(endless)
    event(log, "x.happened", many=list(range(1_000)), endless=endless)
    [line] = lines(output)
    assert line["many"] == list(range(20))
    assert line["endless"] == [[["<list>"]]]


@pytest.mark.parametrize(
    "name",
    [
        "token", "access_token", "accessToken", "validationToken", "validation_tokens", "TOKEN", "client_state", "clientState",
        "client-state", "client_state_previous", "secret", "clientSecret", "authorization", "Authorization", "code", "Code",
        "approval_code", "function_code", "body", "request_body", "responseBody", "password", "x-functions-key",
        "AccountKey", "connection_string", "sas", "sas_url", "cookie", "set-cookie", "signature", "credential",
    ],
)  # fmt: skip
def test_a_field_named_like_a_secret_is_never_printed_at_any_depth(
    output: io.StringIO, log: logging.Logger, name: str
) -> None:
    named: dict[str, Any] = {name: SECRET}
    event(log, "x.happened", **named, nested={"deep": [{name: SECRET}]})
    log.warning("someone else's", extra={name: SECRET, "fields": {name: SECRET}})
    assert SECRET not in output.getvalue()
    assert lines(output)[0][name] == "[redacted]"


@pytest.mark.parametrize(
    "name",
    ["case", "status_code", "error_code", "errorCode", "statusCode", "nobody", "decoded", "key", "state", "author"],
)
def test_other_fields_are_printed(output: io.StringIO, log: logging.Logger, name: str) -> None:
    named: dict[str, Any] = {name: "plain"}
    event(log, "x.happened", **named)
    assert lines(output)[0][name] == "plain"


def test_the_filter_takes_secrets_out_of_the_extra_fields_of_a_foreign_record() -> None:
    record = logging.makeLogRecord({"msg": "m", "access_token": SECRET, "region": "plain", "secret": None})
    assert Redaction().filter(record)
    assert logging.Formatter("%(access_token)s %(region)s %(secret)s").format(record) == "[redacted] plain None"


def test_secrets_are_gone_before_any_other_handler_sees_the_event(log: logging.Logger) -> None:
    seen = list[logging.LogRecord]()

    class Exporter(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)

    exporter = Exporter()
    log.addHandler(exporter)
    try:
        event(log, "x.happened", level=logging.ERROR, client_state=SECRET, nested={"token": SECRET})
    finally:
        log.removeHandler(exporter)
    assert SECRET not in str(seen[0].__dict__)
    assert seen[0].getMessage() == "x.happened"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"GET https://host/api/events?x=1&code={SECRET}&y=2",
        f"https://a.queue.core.windows.net/q?sv=1&sig={SECRET}",
        f"AccountName=a;AccountKey={SECRET};EndpointSuffix=x",
        f'{{"clientState": "{SECRET}"}}',
        f"client_secret={SECRET}",
        f'{{"access_token":"{SECRET}"}}',
        f"got eyJ{SECRET}.e30.{SECRET}",
    ],
)
def test_secrets_within_texts_are_never_printed(output: io.StringIO, log: logging.Logger, text: str) -> None:
    log.warning(text)
    log.warning("said %s", text)
    event(log, "x.happened", why=text)
    assert SECRET not in output.getvalue()
    assert output.getvalue().count("[redacted]") >= 3


def test_things_of_unknown_kinds_are_named_and_not_shown(output: io.StringIO, log: logging.Logger) -> None:
    event(log, "x.happened", value=SecretStr(SECRET), raw=SECRET.encode(), error=RetryLater(SECRET))
    assert SECRET not in output.getvalue()
    assert lines(output)[0]["value"] == "<SecretStr>"


def test_an_error_is_written_with_its_kinds_and_places(output: io.StringIO, log: logging.Logger) -> None:
    try:
        try:
            raise TimeoutError(SECRET)
        except TimeoutError as error:
            raise RetryLater("storage is away") from error
    except RetryLater:
        log.exception("gave up")
    [line] = lines(output)
    assert line["error"] == "RetryLater from TimeoutError"
    assert line["says"] == "storage is away"
    assert "test_an_error_is_written_with_its_kinds_and_places" in str(line["trace"])
    assert SECRET not in output.getvalue()


def test_the_text_of_a_foreign_error_is_not_written_since_it_may_hold_what_came_in(
    output: io.StringIO, log: logging.Logger
) -> None:
    try:
        raise ValueError(f"cannot read {SECRET}")
    except ValueError:
        log.exception("failed")
    assert SECRET not in output.getvalue()
    assert lines(output)[0]["error"] == "ValueError"
    try:
        raise BadInput("not a CloudEvent")
    except BadInput:
        log.exception("failed")
    assert lines(output)[1]["says"] == "not a CloudEvent"


def test_a_foreign_record_without_its_error_is_written_as_well(output: io.StringIO) -> None:
    logging.getLogger("azure.identity.aio").warning("get_token failed", exc_info=False)
    (line,) = lines(output)
    assert (line["event"], "error" in line) == ("get_token failed", False)


def test_arguments_that_do_not_fit_their_text_do_not_cost_the_line(output: io.StringIO, log: logging.Logger) -> None:
    log.warning("%d pieces of %s", "many")  # noqa: PLE1206  # the mistake is the point
    assert lines(output)[0]["event"] == "%d pieces of %s"


@pytest.mark.parametrize("name", LOUD)
def test_azures_and_others_request_logging_starts_at_warning(output: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("Request URL: https://graph.microsoft.com")
    assert output.getvalue() == ""
    logging.getLogger(name).warning("retrying")
    assert [line["event"] for line in lines(output)] == ["retrying"]


def test_setting_up_twice_changes_nothing(output: io.StringIO, log: logging.Logger) -> None:
    set_up_logging()
    event(log, "x.happened")
    assert len(lines(output)) == 1
    ours = logging.getLogger().handlers[0]  # pytest adds its own behind it
    assert len(ours.filters) == 1


def test_without_a_handler_standard_error_gets_the_lines() -> None:
    code = (
        "import logging\nfrom shared.telemetry import Redaction, event, set_up_logging\n"
        "set_up_logging()\nevent(logging.getLogger('x'), 'x.happened', n=1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert json.loads(done.stderr)["n"] == 1


def test_importing_changes_no_logging_and_makes_no_key() -> None:
    code = (
        "import logging\nimport shared.telemetry as t\n"
        "print(logging.getLogger().handlers, logging.getLogger('azure.core').level, t._key)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] 0 None\n"


@pytest.mark.usefixtures("output")
def test_a_pseudonym_is_12_hexadecimal_digits_and_the_same_for_the_same_name() -> None:
    one = pseudonym("DEF456@contoso.com")
    assert len(one) == 12
    assert int(one, 16) >= 0
    assert pseudonym(" def456@CONTOSO.com ") == one
    assert pseudonym("DEF457@contoso.com") != one


def test_pseudonyms_depend_on_the_salt_alone_when_there_is_one(output: io.StringIO) -> None:
    of_this_process = pseudonym("5CG1234XYZ")
    set_up_logging(salt="a")
    of_a = pseudonym("5CG1234XYZ")
    set_up_logging(salt="b")
    of_b = pseudonym("5CG1234XYZ")
    set_up_logging(salt="a")
    assert pseudonym("5CG1234XYZ") == of_a
    assert len({of_this_process, of_a, of_b}) == 3


def test_without_a_salt_each_process_has_pseudonyms_of_its_own() -> None:
    code = "from shared.telemetry import pseudonym\nprint(pseudonym('5CG1234XYZ'), pseudonym('5CG1234XYZ'))"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    first, second = (run.stdout.split() for run in runs)
    assert first[0] == first[1]
    assert first[0] != second[0]


def test_what_a_log_record_always_has_is_not_taken_for_a_secret() -> None:
    record = logging.LogRecord("n", logging.INFO, "p", 1, "m", None, None)
    assert [name for name in record.__dict__ if is_secret(name)] == []
