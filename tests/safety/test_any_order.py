"""Payments, news and time in any order: the wipe budget keeps every limit. What breaks is made as short as can be."""

from datetime import datetime, timedelta

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

SERIALS = st.sampled_from([f"SN{number}" for number in range(6)])
USERS = st.sampled_from(["ann", "bob", "cyd"])
POLICY = Policy(wipes_per_hour=2, wipes_per_day=4, wipes_in_flight=3, ramp=(99,), wipes_per_day_percent=100)
FREE_AFTER = timedelta(minutes=1)
"""So long a payment may count beyond its hour or day: until then the wipe may leave."""


class AnyOrder(RuleBasedStateMachine):
    """The book beside a list of what was paid and not given back."""

    @initialize()
    def an_empty_book(self) -> None:
        self.clock = FixedClock()
        self.book = BudgetBook(Ledger(FakeRows(gives_way=False), CountingIds()))
        self.paid: dict[str, tuple[datetime, WipeTarget]] = {}
        self.back = set[str]()
        self.number = 0

    @rule(serial=SERIALS, user=USERS)
    def pay(self, serial: str, user: str) -> None:
        self.number += 1
        self._pay(f"nonce-{self.number}", WipeTarget(serial_number=serial, device_id=serial, user_id=user))

    @rule(data=st.data())
    def pay_once_more(self, data: st.DataObject) -> None:
        if open_ones := sorted(self.paid.keys() - self.back):
            nonce = data.draw(st.sampled_from(open_ones))
            self._pay(nonce, self.paid[nonce][1])

    def _pay(self, nonce: str, target: WipeTarget) -> None:
        now = self.clock.now()
        held = finish(
            self.book.reserve(
                nonce=nonce, target=target, policy=POLICY, fleet=a_fleet(read_at=now), thawed_at=None, now=now
            )
        )
        others = {key: one for key, one in self.paid.items() if key != nonce}
        if held is None:
            assert not self._stands_in_the_way(others, target, FREE_AFTER * 0), "paid beyond a limit"
            self.paid[nonce] = now, target
        else:
            assert self._stands_in_the_way(others, target, FREE_AFTER), f"held for nothing: {held.says}"

    def _stands_in_the_way(
        self, paid: dict[str, tuple[datetime, WipeTarget]], target: WipeTarget, slack: timedelta
    ) -> bool:
        now = self.clock.now()
        ages = [now - at for at, _ in paid.values()]
        return (
            sum(age < timedelta(hours=1) + slack for age in ages) >= POLICY.wipes_per_hour
            or sum(age < timedelta(days=1) + slack for age in ages) >= POLICY.wipes_per_day
            or len(paid.keys() - self.back) >= POLICY.wipes_in_flight
            or any(t.serial_number == target.serial_number and now - at < POLICY.serial_rest for at, t in paid.values())
            or any(t.user_id == target.user_id and now - at < POLICY.user_rest for at, t in paid.values())
        )

    @rule(data=st.data())
    def was_not_sent(self, data: st.DataObject) -> None:
        if open_ones := sorted(self.paid.keys() - self.back):
            nonce = data.draw(st.sampled_from(open_ones))
            finish(self.book.release(nonce=nonce, target=self.paid.pop(nonce)[1], now=self.clock.now()))

    @rule(data=st.data())
    def comes_back(self, data: st.DataObject) -> None:
        if open_ones := sorted(self.paid.keys() - self.back):
            nonce, now = data.draw(st.sampled_from(open_ones)), self.clock.now()
            finish(self.book.became(nonce=nonce, outcome="accepted", back_at=now, verified=True, now=now))
            self.back.add(nonce)

    @rule(minutes=st.sampled_from([1, 20, 61, 600, 1_441, 5_800, 10_100]))
    def time_passes(self, minutes: int) -> None:
        if self.clock.now() + timedelta(minutes=minutes) < FixedClock().now() + timedelta(days=29):
            self.clock.move(timedelta(minutes=minutes))

    @invariant()
    def what_is_counted_is_what_was_paid(self) -> None:
        view = finish(self.book.view(WipeTarget(serial_number=""), self.clock.now()))
        assert view.in_flight == len(self.paid.keys() - self.back)
        assert view.last_hour <= POLICY.wipes_per_hour
        assert view.last_day <= POLICY.wipes_per_day


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
