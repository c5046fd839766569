"""The product built over fakes: storage, Graph and a clock, holding what the story begins with."""

from dataclasses import replace
from datetime import timedelta

from shared.bootstrap import build
from shared.domain.part import Part
from shared.domain.policy import Mode, Policy
from shared.ports import Ports
from shared.records.budget import BudgetBook
from shared.records.cases import CaseStore
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.ledger import Ledger
from shared.services import Services
from shared.settings import Settings
from tests.fakes import story
from tests.fakes.chat import FakeChat
from tests.fakes.clock import FixedClock
from tests.fakes.graph import FakeAutopilot, FakeDevices, FakeDirectory, FakeSubscriptions, FakeTenant
from tests.fakes.ids import CountingIds
from tests.fakes.interference import Interference
from tests.fakes.mail import FakeMail
from tests.fakes.messages import FakeMessages
from tests.fakes.rows import FakeRows


class Office:
    """DEF456's devices and accounts at the start of the story. Settings are given by the names they have there."""

    def __init__(self, mode: Mode = Mode.AUTO, **settings: object) -> None:
        self.clock = FixedClock(story.START)
        self.ids = CountingIds()
        self.rows = FakeRows()
        self.messages = FakeMessages(self.clock)
        self.tenant = FakeTenant(self.clock, [story.premium(), story.standard()], [story.status_page()])
        self.directory = FakeDirectory(self.tenant, [story.staging_user(), story.owner_user()])
        self.devices = FakeDevices([story.staged_device()])
        self.autopilot = FakeAutopilot([story.registration()])
        self.subscriptions = FakeSubscriptions()
        self.mail = FakeMail()
        self.chat = FakeChat()
        self.settings = _settings(mode, settings)
        self.services = build(self.settings, self.ports())

    def ports(self) -> Ports:
        """The fakes as the outside world."""
        return Ports(
            rows=self.rows,
            messages=self.messages,
            devices=self.devices,
            directory=self.directory,
            autopilot=self.autopilot,
            tenant=self.tenant,
            subscriptions=self.subscriptions,
            mail=self.mail,
            chat=self.chat,
            clock=self.clock,
            ids=self.ids,
            close=_close,
        )

    @property
    def policy(self) -> Policy:
        """What the administrators wish."""
        return self.settings.policy()

    @property
    def cases(self) -> CaseStore:
        """The stored cases, past any interference."""
        return CaseStore(self.rows, self.ids)

    @property
    def budget(self) -> BudgetBook:
        """The wipe budget, past any interference."""
        return BudgetBook(Ledger(self.rows, self.ids))

    @property
    def freeze(self) -> FreezeSwitch:
        """The kill switch, past any interference."""
        return FreezeSwitch(Ledger(self.rows, self.ids))

    @property
    def fleet(self) -> FleetBook:
        """The counts of devices, past any interference."""
        return FleetBook(Ledger(self.rows, self.ids), self.tenant, self.policy, self.clock)

    def another_worker(self, interference: Interference | None = None) -> Services:
        """A second process over the same world, or one to which something happens."""
        ports = self.ports()
        if interference is not None:
            watched = ("rows", "messages", "devices", "directory", "autopilot", "tenant", "mail", "chat")
            ports = replace(ports, **{name: interference.around(name, getattr(ports, name)) for name in watched})
        return build(self.settings, ports)

    def part(self, part: Part, interference: Interference | None = None) -> Services:
        """A process of a split deployment over the same world."""
        alone, self.settings = self.settings, self.settings.model_copy(update={"part": part})
        try:
            return self.another_worker(interference)
        finally:
            self.settings = alone

    def set_settings(self, mode: Mode, **settings: object) -> None:
        """The app restarts with other settings."""
        self.settings = _settings(mode, settings)
        self.services = build(self.settings, self.ports())


async def _close() -> None:
    return


def _settings(mode: Mode, given: dict[str, object]) -> Settings:
    usual: dict[str, object] = {
        "tenant_id": story.TENANT_ID,
        "client_state": story.CLIENT_STATE,
        "notification_url": "https://handover.example/api/notifications",
        "mode": mode,
        "staging_accounts": story.STAGING_UPN,
        "licence_skus": "SPB",
        "enrolment_attested_by": "admin@contoso.example",
        "enrolment_attested_on": story.START.date(),
        "enrolment_attested_scope": "all",
        "last_sync_hours": 24 * 365,
        "auto_until": story.START.date() + timedelta(days=31),
        "armed_days": 31,
    }
    return Settings(**{**usual, **given})  # pyright: ignore[reportArgumentType]  # checked by Settings itself
