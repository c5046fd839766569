"""Tells a person what happens, line by line as it happens: the world, Handover's decisions with reason and evidence, and the clock."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from local.play import Decided, Happened, TimePassed

_COLOURS = {
    "proven": "bold green",
    "ready_to_go": "bold green",
    "no_action_needed": "green",
    "needs_person": "bold yellow",
    "not_ready": "yellow",
    "awaiting_seat": "yellow",
    "awaiting_approval": "yellow",
    "wipe_intended": "magenta",
    "wipe_sent": "bold magenta",
    "wipe_unknown": "bold red",
    "awaiting_admin_approval": "yellow",
    "refused": "red",
}
_QUIET_EVIDENCE = frozenset({"nonce", "policy", "proposal"})
SHOWN_FROM = timedelta(minutes=1)


class StoryTeller:
    """Prints what the player reports."""

    def __init__(self, console: Console, *, evidence: bool = True) -> None:
        self._console = console
        self._evidence = evidence
        self._passed_from: datetime | None = None
        self._passed_to: datetime | None = None

    def __call__(self, moment: Happened | Decided | TimePassed) -> None:
        """Print one moment; a run of clock moves is printed as one line when something happens."""
        match moment:
            case TimePassed():
                self._passed_from = self._passed_from or moment.start
                self._passed_to = moment.end
            case Happened():
                self._tell_time()
                self._console.print(f"[dim]{_clock(moment.at)}[/]  [bold cyan]the world[/]  {escape(moment.what)}")
            case Decided():
                self._tell_time()
                self._tell_decision(moment)

    def _tell_time(self) -> None:
        if self._passed_from is not None and self._passed_to is not None:
            passed = self._passed_to - self._passed_from
            if passed >= SHOWN_FROM:
                words = in_words(passed)
                verb = "passes" if words in ("1 minute", "1 hour", "1 day") else "pass"
                self._console.print(Text(f"        ⋯ {words} {verb}", style="dim italic"))
        self._passed_from = self._passed_to = None

    def _tell_decision(self, moment: Decided) -> None:
        state = str(moment.entry["to_state"])
        colour = _COLOURS.get(state, "blue")
        waits = moment.entry["from_state"] == state
        title = "still " + state if waits else state
        self._console.print(f"[dim]{_clock(moment.at)}[/]  [{colour}]{title.replace('_', ' ')}[/]")
        self._console.print(Padding(Text(str(moment.entry["says"])), (0, 0, 0, 14)))
        evidence = {
            name: value
            for name, value in moment.entry["evidence"].items()
            if name not in _QUIET_EVIDENCE and value is not None
        }
        if self._evidence and evidence:
            told = "  ·  ".join(f"{name}: {value}" for name, value in evidence.items())
            self._console.print(Padding(Text(told, style="dim"), (0, 0, 0, 14)))


def _clock(at: datetime) -> str:
    return f"{at:%a %d %H:%M}"


def in_words(span: timedelta) -> str:
    """A duration as a person reads it: "2 days 23 hours", "25 minutes"."""
    minutes = int(span.total_seconds() // 60)
    parts = [(minutes // 1440, "day"), (minutes % 1440 // 60, "hour"), (minutes % 60, "minute")]
    named = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in parts if count]
    return " ".join(named[:2]) or "moments"
