"""The command line over the real handlers: what it shows, what it does, and one sentence for what goes wrong."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from local.cli.__main__ import app
from local.cli.connection import Api, connect
from local.cli.export import COLUMNS
from shared.bootstrap import install
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.names import DEVICE_EVENTS
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.conftest import PLAYS_ADA
from tests.handlers.served import client

S = CaseState
HEADER = "x-handover-development-principal"
EVENT = {
    "specversion": "1.0",
    "id": "event-1",
    "source": "/itsm",
    "type": "device.noncompliant",
    "data": {"serialNumber": story.SERIAL_NUMBER},
}


@pytest.fixture
def world() -> Iterator[World]:
    """One case waits for an approval; two need a person, of a serial number each."""
    made = World(Mode.APPROVE, development_principal=PLAYS_ADA)

    async def fill() -> None:
        await made.put(story.case_in(S.AWAITING_APPROVAL, made.policy, made.clock.now()))
        for number in (1, 2):
            made.clock.move(timedelta(seconds=1))
            case = story.case_in(S.NEEDS_PERSON, made.policy, made.clock.now(), id=f"device-{number}")
            await made.put(story.with_serial(case, f"SN-{number}"))

    asyncio.run(fill())
    install(made.services)
    yield made
    install(None)


def run(*words: str, through: httpx.Client | None = None, answer: str = "", width: int = 400) -> Result:
    """A command as somebody types it."""
    console = Console(width=width, force_terminal=False, file=(out := io.StringIO()))
    api = Api(client=through or client(), console=console)
    result = CliRunner().invoke(app, list(words), obj=api, input=answer)
    result.stdout_bytes += out.getvalue().encode()
    result.output_bytes += out.getvalue().encode()
    return result


def said(*words: str, **how: object) -> str:
    """What a command says that succeeds."""
    result = run(*words, **how)  # pyright: ignore[reportArgumentType]  # passed on
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str, **how: object) -> str:
    """The one sentence of a command that fails."""
    result = run(*words, **how)  # pyright: ignore[reportArgumentType]  # passed on
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.output.strip()


def state_of(world: World, case_id: str = story.CASE_ID) -> CaseState:
    return asyncio.run(world.case(case_id)).state


def test_status_says_what_waits_and_who_froze(world: World) -> None:
    assert "1 awaiting_approval, 2 needs_person" in said("status")
    said("freeze", "--why", "odd [numbers]")
    assert "frozen by Ada: odd [numbers]" in said("status")


def test_cases_are_listed_and_filtered(world: World) -> None:
    everything = said("cases")
    assert all(word in everything for word in (story.SERIAL_NUMBER, "SN-1", "SN-2"))
    assert "SN-2" in said("cases", "--serial", "sn-2")
    assert "SN-1" not in said("cases", "--serial", "sn-2")
    assert "SN-1" not in said("cases", "--state", "needs_person", "--most", "1")
    assert "No case." in said("cases", "--user", "nobody@")


def test_what_the_list_calls_a_case_names_it_to_the_other_commands(world: World) -> None:
    for number in (3, 4):
        again = story.case_in(S.WATCHING, world.policy, world.clock.now(), id=f"device-{number}")
        asyncio.run(world.put(story.with_serial(again, "SN-1" if number == 3 else "")))
    names = [line.split()[0] for line in said("cases").splitlines()[1::2]]
    assert sorted(names) == [story.SERIAL_NUMBER, "SN-2", "device-1", "device-3", "device-4"]
    assert all("Possible: " in said("case", name) for name in names)


def test_a_list_of_cases_fits_into_a_terminal_of_80_columns(world: World) -> None:
    lines = said("cases", width=80).splitlines()
    assert len(lines) == 1 + 2 * 3, "a heading, and two lines for each of three cases"
    assert max(map(len, lines)) <= 80


def test_a_case_is_shown_by_its_serial_number_with_its_journal(world: World) -> None:
    shown = said("case", "sn-1")
    assert "device-1" in shown and "Possible: retry, cancel" in shown
    assert "no case of the serial number SN-9" in refused("case", "SN-9")


def test_a_serial_number_of_several_cases_is_not_guessed(world: World) -> None:
    again = story.with_serial(story.case_in(S.WATCHING, world.policy, world.clock.now(), id="device-3"), "SN-1")
    asyncio.run(world.put(again))
    assert "several cases" in refused("cancel", "SN-1", "--why", "x")
    assert state_of(world, "device-1") is S.NEEDS_PERSON


def test_of_a_serial_number_the_open_case_is_meant_not_that_of_an_enrolment_before(world: World) -> None:
    """Each device that came back has a case of its old enrolment."""
    before = story.with_serial(story.case_in(S.PROVEN, world.policy, world.clock.now(), id="device-3"), "SN-1")
    asyncio.run(world.put(before))
    assert "device-1" in said("case", "SN-1")
    assert "is cancelled" in said("cancel", "SN-1", "--why", "sold")
    assert "device-1 (cancelled), device-3 (proven)" in refused("case", "SN-1")


def test_an_approval_shows_what_it_does_and_asks(world: World) -> None:
    result = run("approve", story.CASE_ID, answer="n\n")
    assert result.exit_code == 1
    assert "Factory reset of PC-0427" in result.output and "Approve this?" in result.output
    assert state_of(world) is S.AWAITING_APPROVAL
    assert "is cleared_to_wipe: Approved by Ada." in said("approve", story.CASE_ID, answer="y\n")
    assert state_of(world) is S.CLEARED_TO_WIPE
    assert "waits for no approval: it is cleared_to_wipe" in refused("approve", story.CASE_ID)


def test_an_approval_that_is_not_possible_is_not_asked_for(world: World) -> None:
    world.set_settings(Mode.APPROVE, development_principal=PLAYS_ADA, excluded_devices="PC-0427")
    install(world.services)
    assert "list of excluded" in refused("approve", story.CASE_ID, "--yes")
    assert state_of(world) is S.AWAITING_APPROVAL


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (("reject", story.CASE_ID, "--why", "on leave"), S.NEEDS_PERSON),
        (("cancel", story.CASE_ID, "--why", "sold"), S.CANCELLED),
    ],
)
def test_an_action_is_done_and_said(world: World, words: tuple[str, ...], state: CaseState) -> None:
    assert words[-1] in said(*words)
    assert state_of(world) is state


def test_a_resting_case_goes_on(world: World) -> None:
    assert "Let go on by Ada" in said("retry", "SN-1")
    assert state_of(world, "device-1") is S.OPENED
    assert "Only a case that is needs_person" in refused("retry", "device-1")


def test_a_case_that_waits_for_nothing_is_not_released(world: World) -> None:
    assert "does not wait for anything outside" in refused("release", story.CASE_ID)


def test_a_thaw_shows_who_froze_and_asks(world: World) -> None:
    assert "Nothing is frozen." in refused("thaw", "--why", "x")
    said("freeze", "--why", "odd numbers")
    result = run("thaw", "--why", "seen to", answer="n\n")
    assert result.exit_code == 1 and "Frozen by Ada: odd numbers" in result.output
    assert "Wipes go on." in said("thaw", "--why", "seen to", "--yes")


def test_who_lacks_a_role_is_told_which(world: World) -> None:
    assert "Handover.Operator is missing" in refused("freeze", "--why", "x", through=client({HEADER: "Rob;Reader"}))


def test_seats_are_shown_as_they_were_read(world: World) -> None:
    assert "has not read the licences yet" in said("seats")
    asyncio.run(world.services.advance.gatherer.tenant.get(at_most=timedelta(hours=1)))
    assert "SPB" in said("seats")


def test_parked_messages_are_listed_shown_mended_replayed_and_discarded(world: World, tmp_path: Path) -> None:
    for body in ("not JSON", json.dumps(EVENT), json.dumps(EVENT)):
        asyncio.run(world.services.park(DEVICE_EVENTS, body, "it could not be used"))
        world.clock.move(timedelta(seconds=1))
    first, second, third = (row[1] for row in sorted(world.rows.table("parked")))
    assert "it could not be used" in said("parked", "list")
    assert "not JSON" in said("parked", "show", f"{DEVICE_EVENTS}.{first}")
    assert "not JSON" not in refused("parked", "replay", f"{DEVICE_EVENTS}.{first}")
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(EVENT))
    said("parked", "replay", f"{DEVICE_EVENTS}.{first}", "--body", str(mended))
    said("parked", "discard", f"{DEVICE_EVENTS}.{second}", "--why", "twice")
    assert "1 replayed." in said("parked", "replay", "--every", DEVICE_EVENTS)
    assert "Nothing is set aside." in said("parked", "list")
    assert "twice" in said("parked", "list", "--settled")
    assert third in said("parked", "list", "--settled")


def test_journals_are_exported_as_json_lines_and_as_csv_over_all_pages(world: World, tmp_path: Path) -> None:
    for number in range(3, 130):
        asyncio.run(world.put(story.case_in(S.WATCHING, world.policy, world.clock.now(), id=f"device-{number:03}")))
    said("export", "--out", str(tmp_path / "all.jsonl"))
    entries = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len({entry["case_id"] for entry in entries}) == len(entries) == 130
    said("export", "--out", str(tmp_path / "all.csv"), "--form", "csv", "--state", "needs_person")
    with (tmp_path / "all.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert (tuple(header), len(rows)) == (COLUMNS, 2)


def test_a_text_of_somebody_else_is_no_formula_in_a_spreadsheet(world: World, tmp_path: Path) -> None:
    said("cancel", "device-1", "--why", "x", through=client({HEADER: "=HYPERLINK(1);Operator"}))
    said("export", "--out", str(tmp_path / "all.csv"), "--form", "csv")
    assert "'=HYPERLINK(1)" in (tmp_path / "all.csv").read_text()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(302, headers={"location": "https://login.example"}), "wants you to sign in"),
        (httpx.Response(502, text="<html>"), "answered 502 Bad Gateway without a reason"),
        (httpx.Response(500, json=["x"]), "answered 500"),
        (httpx.Response(409, json={"detail": "Not now."}), "Not now."),
    ],
)
def test_whatever_is_answered_there_is_one_sentence(answer: httpx.Response, sentence: str) -> None:
    through = httpx.Client(transport=httpx.MockTransport(lambda _: answer), base_url="http://handover.example")
    assert sentence in refused("status", through=through)


def test_a_host_that_is_not_there_is_one_sentence() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    through = httpx.Client(transport=httpx.MockTransport(refuse), base_url="http://handover.example")
    assert "does not answer at http://handover.example" in refused("cases", through=through)


def test_a_token_and_a_played_person_go_with_every_request() -> None:
    headers = connect(url="http://x.example", scope=None, token="secret", play="Eve;Operator").client.headers
    assert (headers["authorization"], headers[HEADER]) == ("Bearer secret", "Eve;Operator")
    assert "authorization" not in connect(url="http://x.example", scope=None, token=None, play=None).client.headers
