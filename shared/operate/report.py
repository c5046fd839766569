"""The report on a period: reads its cases, and mails it to the operators once a day where an address is set."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.case import Case, JournalEntry
from shared.domain.effects import Refused
from shared.domain.policy import Policy
from shared.domain.states import CaseState
from shared.errors import HandoverError
from shared.ports import Clock, Mail
from shared.records.cases import CaseStore, Listed
from shared.records.json_form import JsonForm
from shared.rules.summary import Summary, summarise
from shared.telemetry import event

log = logging.getLogger(__name__)

MOST_READ = 2_000
"""So many cases are read one by one; of more, only state and reason are counted."""
MOST_OF_A_STATE = 25
MOST_SHOWN = 150
"""For a page: so many of each state are looked at, and of so many the journal."""
_SUMMARY = JsonForm(Summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Makes the report, and sends it."""

    cases: CaseStore
    mail: Mail
    write_html: Callable[[Summary], str]
    write_markdown: Callable[[Summary], str]
    send_to: tuple[str, ...]
    policy: Policy
    clock: Clock

    async def of_days(self, days: int) -> Summary:
        """The report of the last so many days: cases open now, and those that ended since."""
        until = self.clock.now()
        since = until - timedelta(days=days)
        listed = await self._listed(since, until)
        found = [each for each in [await self._read(line) for line in listed[:MOST_READ]] if each is not None]
        return summarise(
            found,
            policy=self.policy.as_of(until),
            since=since,
            until=until,
            listed=[(line.state, line.reason) for line in listed],
        )

    async def latest(self, days: int) -> tuple[Summary, bool]:
        """The report of what came into each state last, in the last so many days; and whether that is all there is.

        However many cases there are, it reads some of each state at most.
        """
        until = self.clock.now()
        since = until - timedelta(days=days)
        of_states = await asyncio.gather(*(self._latest_in(state) for state in CaseState))
        ids = dict.fromkeys(case_id for of_state in of_states for case_id in of_state)
        stored = await asyncio.gather(*(self.cases.load_readable(case_id) for case_id in ids))
        cases = [each.case for each in stored if each is not None]
        found = [case for case in cases if not case.state.ended or case.moved_at >= since]
        found.sort(key=lambda case: case.moved_at, reverse=True)
        journals = await asyncio.gather(*(self.cases.journal(case.id) for case in found[:MOST_SHOWN]))
        summary = summarise(
            list(zip(found, journals, strict=False)),
            policy=self.policy.as_of(until),
            since=since,
            until=until,
            listed=[(case.state, case.reason) for case in found],
        )
        return summary, all(len(of_state) < MOST_OF_A_STATE for of_state in of_states)

    async def _latest_in(self, state: CaseState) -> list[str]:
        return [each.case_id async for each in self.cases.finder.in_state(state, most=MOST_OF_A_STATE)]

    async def send(self) -> None:
        """Mail yesterday's report to each operator; a mail that fails is only logged, tomorrow there is another."""
        if not self.send_to:
            return
        summary = await self.of_days(1)
        html = self.write_html(summary)
        subject = f"Handover: {summary.cases} cases in the last day (mode {summary.mode})"
        for address in self.send_to:
            try:
                answer = await self.mail.send(to=address, subject=subject, html=html)
            except HandoverError as error:
                log.error("report.not_sent", exc_info=error)
                continue
            event(log, "report.sent", refused=answer.code if isinstance(answer, Refused) else None)

    def as_json(self, summary: Summary) -> dict[str, Any]:
        """The report as plain JSON values."""
        return _SUMMARY.dump_python(summary)

    async def _listed(self, since: datetime, until: datetime) -> list[Listed]:
        found = {line.case_id: line async for line in self.cases.open_cases()}
        for month in months(since, until):
            # a line can be in two places for a moment; the newer one counts
            async for line in self.cases.ended_cases(month):
                other = found.get(line.case_id)
                if line.moved_at >= since and (other is None or other.moved_at <= line.moved_at):
                    found[line.case_id] = line
        return sorted(found.values(), key=lambda line: line.moved_at, reverse=True)

    async def _read(self, line: Listed) -> tuple[Case, list[JournalEntry]] | None:
        stored = await self.cases.load_readable(line.case_id)
        return None if stored is None else (stored.case, await self.cases.journal(line.case_id))


def months(since: datetime, until: datetime) -> list[str]:
    """Every month from one moment to another, as YYYY-MM."""
    first, last = since.year * 12 + since.month - 1, until.year * 12 + until.month - 1
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(first, last + 1)]
