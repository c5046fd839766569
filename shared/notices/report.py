"""The report as Markdown and as HTML. Every value is escaped: names come from other systems."""

import re
from collections.abc import Iterable, Sequence

from shared.notices.texts import fill_in
from shared.rules.summary import Counted, Summary

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#!~])")


def as_html(summary: Summary) -> str:
    """A page that needs nothing else, good for a mail too."""
    return fill_in("report.html", {"report": summary, "figures": figures(summary)})


def as_markdown(summary: Summary) -> str:
    """GitHub's Markdown."""
    parts = [
        "# Handover report",
        f"Mode **{summary.mode}**, {summary.since:%Y-%m-%d %H:%M} to {summary.until:%Y-%m-%d %H:%M} UTC, {summary.cases} cases.",
        _table(("what", "number"), [(what, value) for what, value in figures(summary)]),
        *_counts("Licences missing", summary.licences_missing),
        *_counts("Not ready", summary.not_ready),
        *_counts("By state", summary.by_state),
        *_counts("By reason", summary.by_reason),
        *_counts("Heard from", summary.heard_from),
        "## Cases",
        _table(
            ("device", "owner", "state", "would happen" if summary.mode == "report" else "happened", "why", "missing"),
            [
                (
                    f"{line.device} ({line.serial_number})",
                    line.owner,
                    f"{line.state} ({line.reason})",
                    "; ".join(line.happened),
                    line.why,
                    ", ".join(line.missing),
                )
                for line in summary.lines
            ],
        ),
    ]
    if summary.left_out:
        parts.append(f"{summary.left_out} older cases are counted by state and reason only.")
    return "\n\n".join(parts) + "\n"


def figures(summary: Summary) -> list[tuple[str, str]]:
    """The numbers that a reader looks for first."""
    median = summary.hours_to_proof_median
    return [
        ("devices that would be wiped", str(summary.would_be_wiped)),
        ("wipes avoided by a cheaper fix", str(summary.wipes_avoided)),
        ("wipes sent", str(summary.wipes)),
        ("proven: enrolled by the owner and compliant", str(summary.proven)),
        ("hours from the first hint to the proof (median)", "none yet" if median is None else str(median)),
    ]


def _counts(title: str, counted: Sequence[Counted]) -> list[str]:
    if not counted:
        return []
    return [f"## {title}", _table(("what", "cases"), [(each.what, str(each.count)) for each in counted])]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(_SPECIAL.sub(r"\\\1", text).split())
