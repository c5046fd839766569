"""The report: what would have happened and why, what is missing, and the totals that a reader looks for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.case import Case, JournalEntry
from shared.domain.policy import Mode
from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.notices.report import as_html, as_markdown
from shared.rules.summary import WIPE, Counted, Summary, summarise
from tests.builders import NOW, OWNER, SERIAL
from tests.case_builders import a_case, a_policy, an_attempt, an_owner

DAY = timedelta(days=1)
Journal = list[JournalEntry]
REPORTED = a_case(
    CaseState.REPORTED,
    reason=Reason.MODE_IS_REPORT,
    says="Report mode. Would assign SPB to DEF456; wipe the device once.",
    would_do=(f"assign SPB to {OWNER}", f"bind the Autopilot device to {OWNER}", WIPE),
)


def entry(case: Case, reason: Reason, says: str = "", evidence: Mapping[str, str] | None = None) -> JournalEntry:
    return JournalEntry(
        sequence=1,
        at=case.opened_at,
        from_state=None,
        to_state=case.state,
        reason=reason,
        says=says,
        who="handover",
        evidence=evidence or {},
    )


def report(*found: tuple[Case, Journal], mode: Mode = Mode.REPORT, more: int = 0) -> Summary:
    listed = [(case.state, case.reason) for case, _ in found] + [(CaseState.REPORTED, Reason.MODE_IS_REPORT)] * more
    return summarise(found, policy=a_policy(mode=mode), since=NOW - DAY, until=NOW, listed=listed)


def test_a_reported_case_says_what_would_have_happened_why_and_what_is_missing():
    why = "Non-compliant for 3 days in 2 readings, and it was enrolled by the staging account."
    readiness = {"MDM authority": "ok: intune", "Autopilot registration": "wrong: no registration"}
    journal = [entry(REPORTED, Reason.EVIDENCE_COMPLETE, why), entry(REPORTED, Reason.MODE_IS_REPORT, "", readiness)]

    summary = report((REPORTED, journal))

    (line,) = summary.lines
    assert (line.device, line.serial_number, line.owner, line.state) == ("PC-0427", SERIAL, OWNER, "reported")
    assert line.happened == REPORTED.would_do
    assert line.why == why
    assert line.missing == ("SPB", "Autopilot registration")
    assert (summary.would_be_wiped, summary.cases, summary.left_out) == (1, 1, 0)
    assert summary.licences_missing == (Counted(what="SPB", count=1),)
    assert summary.not_ready == (Counted(what="Autopilot registration", count=1),)


def test_a_check_that_is_right_now_is_not_counted_because_it_was_wrong_before():
    journal = [
        entry(
            REPORTED, Reason.DEVICE_NOT_READY, "", {"Hardware": "wrong: changed", "Tenant": "cannot verify: not read"}
        ),
        entry(REPORTED, Reason.MODE_IS_REPORT, "", {"Hardware": "ok: fine", "Tenant": "cannot verify: not read"}),
    ]

    assert report((REPORTED, journal)).not_ready == (Counted(what="Tenant", count=1),)


def test_a_case_that_waits_for_a_seat_misses_that_licence():
    waiting = a_case(CaseState.AWAITING_SEAT, reason=Reason.NO_FREE_SEAT)
    journal = [entry(waiting, Reason.NO_FREE_SEAT, "", {"SPB": "5 of 5 seats used", "SPE_E3": "1 of 1 seats used"})]

    summary = report((waiting, journal), mode=Mode.AUTO)

    assert [each.what for each in summary.licences_missing] == ["SPB", "SPE_E3"]


def test_a_case_that_needed_no_wipe_is_a_wipe_avoided():
    mended = a_case(CaseState.NO_ACTION_NEEDED, reason=Reason.MENDED_WITHOUT_WIPE, says="PC-0427 is compliant again.")
    compliant = a_case(CaseState.NO_ACTION_NEEDED, reason=Reason.DEVICE_COMPLIANT)

    summary = report((mended, []), (compliant, []), mode=Mode.AUTO)

    assert summary.wipes_avoided == 1
    assert summary.lines[0].why == "PC-0427 is compliant again."


def test_wipes_and_proofs_are_counted_and_timed():
    def proven(hours: int) -> Case:
        return a_case(
            CaseState.PROVEN, opened_at=NOW - timedelta(hours=hours), moved_at=NOW, wipe=an_attempt(sent_at=NOW)
        )

    refused = a_case(CaseState.NEEDS_PERSON, wipe=an_attempt(sent_at=NOW, outcome="refused"))
    earlier = a_case(CaseState.AWAITING_RETURN, wipe=an_attempt(sent_at=NOW - 2 * DAY))
    never = a_case(CaseState.CLEARED_TO_WIPE, wipe=an_attempt())

    summary = report(
        *((case, Journal()) for case in (proven(80), proven(90), proven(100), refused, earlier, never)), mode=Mode.AUTO
    )

    assert (summary.wipes, summary.proven, summary.hours_to_proof_median) == (3, 3, 90.0)
    two = report((proven(80), []), (proven(90), []), mode=Mode.AUTO)
    assert two.hours_to_proof_median == 85.0
    assert report().hours_to_proof_median is None


def test_what_was_done_is_told_in_the_words_of_the_journal():
    case = a_case(CaseState.AWAITING_RETURN)
    journal = [
        entry(case, Reason.WIPE_ACCEPTED, "Intune accepted the wipe."),
        entry(case, Reason.WATCHING_FOR_CHEAPER_FIX, "Still non-compliant."),
    ]

    assert report((case, journal), mode=Mode.AUTO).lines[0].happened == ("Intune accepted the wipe.",)


def test_an_earlier_episode_of_the_device_is_not_told_again():
    old = replace(entry(REPORTED, Reason.EVIDENCE_COMPLETE, "long ago"), at=REPORTED.opened_at - DAY)

    assert report((REPORTED, [old])).lines[0].why != "long ago"


def test_cases_that_were_not_read_are_counted_all_the_same():
    summary = report((REPORTED, []), more=3)

    assert (summary.cases, summary.left_out, len(summary.lines)) == (4, 3, 1)
    assert summary.by_state == (Counted(what="reported", count=4),)
    assert "3 older cases" in as_markdown(summary)
    assert "3 older cases" in as_html(summary)


EVIL = "<script>|`[x](javascript:y)\n# h"


@pytest.mark.parametrize("mode", list(Mode))
def test_names_cannot_break_out_of_the_page_or_the_table(mode: Mode):
    device = REPORTED.device
    assert device is not None
    case = replace(REPORTED, device=replace(device, name=EVIL), owner=an_owner(user_principal_name=EVIL), says=EVIL)

    summary = report((case, []), mode=mode)

    assert "<script>" not in as_html(summary)
    markdown = as_markdown(summary)
    assert "<script>" not in markdown.replace("\\<script\\>", "")
    (row,) = [line for line in markdown.splitlines() if SERIAL in line]
    assert row.replace("\\|", "").count("|") == 7


def test_the_markdown_leads_with_the_figures():
    markdown = as_markdown(report((REPORTED, [])))

    assert markdown.startswith(
        "# Handover report\n\nMode **report**, 2026-03-04 09:00 to 2026-03-05 09:00 UTC, 1 cases.\n"
    )
    assert "| devices that would be wiped | 1 |" in markdown
    assert "| hours from the first hint to the proof (median) | none yet |" in markdown
