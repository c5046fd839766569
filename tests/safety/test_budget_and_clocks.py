"""Instances whose clocks are wrong, set back or set forward pay for wipes: over borders of hours and days no limit is passed."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.domain.facts import WipeTarget
from shared.domain.policy import Policy
from shared.records.budget import BudgetBook
from shared.records.ledger import Ledger
from tests.builders import a_fleet
from tests.fakes.clock import FixedClock
from tests.fakes.ids import CountingIds
from tests.fakes.rows import FakeRows
from tests.safety.scheduler import finish

POLICY = Policy(wipes_per_hour=2, wipes_per_day=3, wipes_in_flight=99, ramp=(99,), wipes_per_day_percent=100)
WRONG_BY_AT_MOST = timedelta(minutes=5)
NEW_YEAR = datetime(2027, 12, 31, 23, 30, tzinfo=UTC)


class BudgetAndClocks(RuleBasedStateMachine):
    """What is paid stands in the book with the time of the instance that paid; the list beside it has the true time."""

    @initialize(wrong_by=st.sampled_from([timedelta(), WRONG_BY_AT_MOST, timedelta(minutes=1)]))
    def instances_start(self, wrong_by: timedelta) -> None:
        self.clock = FixedClock(NEW_YEAR)
        self.wrong_by = wrong_by
        self.book = BudgetBook(Ledger(FakeRows(gives_way=False), CountingIds()))
        self.paid: dict[str, datetime] = {}
        self.number = 0

    @rule(fast=st.sampled_from([0, 1, -1]), times=st.integers(1, 3))
    def an_instance_pays(self, fast: int, times: int) -> None:
        for _ in range(times):
            self.number += 1
            self._pay(f"nonce-{self.number}", fast)

    @rule(fast=st.sampled_from([0, 1, -1]), place=st.integers(0, 9))
    def one_pays_again(self, fast: int, place: int) -> None:
        """The attempt did not leave, and is made anew: it counts once, from the last time."""
        if self.paid:
            self._pay(sorted(self.paid)[place % len(self.paid)], fast)

    def _pay(self, nonce: str, fast: int) -> None:
        now = self.clock.now() + fast * self.wrong_by
        target = WipeTarget(serial_number=f"SN-{nonce}", device_id=nonce)
        held = finish(
            self.book.reserve(
                nonce=nonce, target=target, policy=POLICY, fleet=a_fleet(read_at=now), thawed_at=None, now=now
            )
        )
        if held is None:
            self.paid[nonce] = self.clock.now()
            self._has_no_window_with_too_many()

    @rule(fast=st.sampled_from([0, 1, -1]), place=st.integers(0, 9))
    def one_is_back(self, fast: int, place: int) -> None:
        now = self.clock.now() + fast * self.wrong_by
        if self.paid:
            nonce = sorted(self.paid)[place % len(self.paid)]
            finish(self.book.became(nonce=nonce, outcome="accepted", back_at=now, verified=True, now=now))

    @rule(minutes=st.sampled_from([1, 9, 29, 50, 59, 60, 61, 12 * 60, 23 * 60 + 50, 24 * 60, 24 * 60 + 1]))
    def time_passes(self, minutes: int) -> None:
        self.clock.move(timedelta(minutes=minutes))

    @rule(fast=st.sampled_from([0, 1, -1]))
    def somebody_only_looks(self, fast: int) -> None:
        finish(self.book.view(WipeTarget(serial_number=""), self.clock.now() + fast * self.wrong_by))

    def _has_no_window_with_too_many(self) -> None:
        now, slack = self.clock.now(), 2 * self.wrong_by
        ages = [now - at for at in self.paid.values()]
        assert sum(age < timedelta(hours=1) - slack for age in ages) <= POLICY.wipes_per_hour
        assert sum(age < timedelta(days=1) - slack for age in ages) <= POLICY.wipes_per_day

    @invariant()
    def an_instance_with_any_of_these_clocks_counts_what_is_younger_than_an_hour(self) -> None:
        for by in (-self.wrong_by, timedelta(), self.wrong_by):
            view = finish(self.book.view(WipeTarget(serial_number=""), self.clock.now() + by))
            young = [at for at in self.paid.values() if self.clock.now() - at < timedelta(hours=1) - 2 * self.wrong_by]
            assert view.last_hour >= len(young)
            assert view.frees_at is None or view.frees_at > self.clock.now() + by


TestBudgetAndClocks = BudgetAndClocks.TestCase
TestBudgetAndClocks.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
