"""The use cases, each imported and built when a handler first asks for it. Nothing is known here of vendors.

An instance of a function app mostly runs one kind of trigger, and does not wait for the code of the others.
"""

import logging
import zlib
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, cast

from shared.domain.part import Part
from shared.domain.policy import LicenceWay, Policy
from shared.errors import RetryLater
from shared.names import QUEUES, WIPE_STEPS
from shared.ports import Clock, Messages, Ports, TenantReader
from shared.records.ledger import Ledger
from shared.records.parked import ParkingLot
from shared.settings import Settings, platform_signs_in
from shared.telemetry import event

if TYPE_CHECKING:  # see above
    from shared.intake.intune_logs import TakeIntuneLogs
    from shared.intake.packing import HintQueue
    from shared.intake.receive import ReceiveNotifications
    from shared.intake.take_hint import TakeHint
    from shared.notices.letters import Letters
    from shared.notices.pages import Pages
    from shared.operate.act import Operate
    from shared.operate.defer import DeferWipe
    from shared.operate.export import Export
    from shared.operate.for_console import ForConsole
    from shared.operate.look import Look
    from shared.operate.overview import Overview
    from shared.operate.parked_input import TendParkedInput
    from shared.operate.principals import SignIn
    from shared.operate.report import Report
    from shared.operate.search import Search
    from shared.operate.tenant import ShowTenant
    from shared.operate.tenant_drift import ShowDrift
    from shared.records.attestations import AttestationBook
    from shared.records.budget import BudgetBook
    from shared.records.cases import CaseStore
    from shared.records.fleet import FleetBook
    from shared.records.freeze import FreezeSwitch
    from shared.records.gate import GraphGate
    from shared.records.locks import Locks
    from shared.records.subscriptions import SubscriptionBook
    from shared.records.tenant_facts import TenantFactsCache
    from shared.remedy.act import Actor
    from shared.remedy.advance import Advance
    from shared.remedy.brake import Brake
    from shared.remedy.gather import Gatherer
    from shared.remedy.messages import StepQueue
    from shared.remedy.tell_operators import TellOperators
    from shared.remedy.wipe import WipeProtocol
    from shared.tenant_setup.attest import Attest
    from shared.tenant_setup.drift import LookForDrift
    from shared.upkeep.keep_subscriptions import KeepSubscriptions, Probe
    from shared.upkeep.measure_queues import MeasureQueues
    from shared.upkeep.send_notice import SendNotice
    from shared.upkeep.supervise import Supervise
    from shared.upkeep.sweep import Sweep
    from shared.upkeep.watch_fleet import WatchFleet
    from shared.upkeep.watch_returns import WatchReturns
    from shared.upkeep.watch_wipes import WatchWipes

log = logging.getLogger(__name__)

TRY_AGAIN_AFTER = timedelta(minutes=5)


class Services:
    """What handlers call. Tests put others in the place of some by assigning them."""

    def __init__(self, settings: Settings, ports: Ports, *, hide_hints: bool) -> None:
        """``ports`` are limited to what this part may touch; ``hide_hints``: see HintQueue."""
        self._settings = settings
        self._ports = ports
        self._policy = settings.policy()
        self._hide_hints = hide_hints
        self._ledger = Ledger(ports.rows, ports.ids)
        self.parking = ParkingLot(ports.rows, ports.ids)
        self.messages: Messages = ports.messages
        self.clock: Clock = ports.clock

    async def close(self) -> None:
        """Close every connection; a function app never does, tests and the development host do."""
        await self._ports.close()

    async def send_again(self, queue: str, body: str, error: RetryLater) -> None:
        """Put a message back for when Graph or storage may answer again; five quick tries would not outlive a throttle.

        A wish of Graph is kept to the second, and some seconds more, so that not everything comes in the same one.
        """
        delay = TRY_AGAIN_AFTER if error.after is None else error.after + _jitter(body)
        await self.messages.send(queue, body, delay=delay)
        event(log, "input.sent_again", level=logging.WARNING, queue=queue, seconds=delay.total_seconds(), why=error.why)

    async def park(self, source: str, body: str, reason: str) -> None:
        """Set an unusable message aside."""
        await self.parking.park(source, body, reason, self.clock.now())

    @cached_property
    def receive(self) -> "ReceiveNotifications":
        """What Graph notifies us of."""
        from shared.intake.heard import Heard
        from shared.intake.receive import KnownSubscriptions, ReceiveNotifications

        secrets = (self._settings.client_state, self._settings.client_state_previous)
        return ReceiveNotifications(
            tenant_id=self._settings.tenant_id,
            client_states=tuple(secret.get_secret_value().encode() for secret in secrets if secret is not None),
            book=self._book,
            known=KnownSubscriptions(self._book, self.clock),
            hints=self._hints,
            heard=Heard(self._book),
            clock=self.clock,
        )

    @cached_property
    def take_hint(self) -> "TakeHint":
        """What any source told of."""
        from shared.intake.find_device import FindDevice
        from shared.intake.second_look import SecondLook
        from shared.intake.take_hint import TakeHint
        from shared.records.asked import AskedBook

        asked, ports = AskedBook(self._ledger), self._ports
        return TakeHint(
            cases=self._cases,
            steps=self._steps,
            find_device=FindDevice(
                devices=ports.devices, autopilot=ports.autopilot, asked=asked, gate=self._gate, clock=self.clock
            ),
            asked=asked,
            second_look=SecondLook(asked=asked, messages=self.messages, clock=self.clock),
            book=self._book,
            policy=self._policy,
            clock=self.clock,
        )

    @cached_property
    def take_intune_logs(self) -> "TakeIntuneLogs":
        """Intune's diagnostic logs."""
        from shared.intake.intune_logs import TakeIntuneLogs

        return TakeIntuneLogs(
            tenant_id=self._settings.tenant_id, hints=self._hints, parking=self.parking, clock=self.clock
        )

    @cached_property
    def advance(self) -> "Advance":
        """The steps of a case."""
        from shared.remedy.advance import Advance

        return Advance(
            cases=self._cases,
            steps=self._steps,
            gatherer=self._gatherer,
            actor=self._actor,
            wipe=self._wipe,
            gate=self._gate,
            tell=self._tell,
            policy=self._policy,
            clock=self.clock,
        )

    @cached_property
    def supervise(self) -> "Supervise":
        """Lost steps."""
        from shared.upkeep.mend_overview import MendOverview
        from shared.upkeep.supervise import Supervise

        return Supervise(
            cases=self._cases,
            steps=self._steps,
            clock=self.clock,
            tell=self._tell,
            freeze=self._freeze,
            budget=self._budget,
            settle=self._wipe.settle,
            mend=MendOverview(cases=self._cases),
        )

    @cached_property
    def watch_returns(self) -> "WatchReturns":
        """Wiped devices that are back."""
        from shared.upkeep.watch_returns import WatchReturns

        return WatchReturns(
            cases=self._cases,
            steps=self._steps,
            advance=self.advance,
            devices=self._ports.devices,
            gate=self._gate,
            clock=self.clock,
        )

    @cached_property
    def keep_subscriptions(self) -> "KeepSubscriptions":
        """What Graph tells us of."""
        from shared.upkeep.keep_subscriptions import KeepSubscriptions

        settings = self._settings
        return KeepSubscriptions(
            resources=settings.subscribe_to,
            notification_url=str(settings.notification_url) if settings.notification_url else None,
            client_state=settings.client_state.get_secret_value() if settings.client_state else None,
            subscriptions=self._ports.subscriptions,
            book=self._book,
            locks=self._locks,
            clock=self.clock,
            ids=self._ports.ids,
            probe=self._probe(),
        )

    @cached_property
    def sweep(self) -> "Sweep":
        """What no event told."""
        from shared.records.sweep_progress import SweepProgress
        from shared.upkeep.sweep import Sweep
        from shared.upkeep.sweep_legs import Legs

        settings, ports, progress = self._settings, self._ports, SweepProgress(self._ledger)
        return Sweep(
            every=timedelta(minutes=settings.sweep_minutes),
            policy=self._policy,
            progress=progress,
            legs=Legs(
                devices=ports.devices,
                directory=ports.directory,
                autopilot=ports.autopilot,
                cases=self._cases,
                progress=progress,
                clock=self.clock,
                group_ids=settings.group_ids,
                reads_registrations=settings.sweep_autopilot,
            ),
            hints=self._hints,
            book=self._book,
            gate=self._gate,
            locks=self._locks,
            clock=self.clock,
            ids=ports.ids,
        )

    @cached_property
    def watch_fleet(self) -> "WatchFleet":
        """How many devices there are."""
        from shared.upkeep.watch_fleet import WatchFleet

        return WatchFleet(fleet=self._fleet, brake=self._brake, gate=self._gate, policy=self._policy, clock=self.clock)

    @cached_property
    def watch_wipes(self) -> "WatchWipes":
        """Wipes of others."""
        from shared.records.watchdog_progress import WatchdogProgress
        from shared.upkeep.watch_wipes import WatchWipes

        return WatchWipes(
            devices=self._ports.devices,
            budget=self._budget,
            progress=WatchdogProgress(self._ledger),
            brake=self._brake,
            tell=self._tell,
            gate=self._gate,
            policy=self._policy,
            clock=self.clock,
        )

    @cached_property
    def look(self) -> "Look":
        """What people may see."""
        from shared.operate.look import Look

        return Look(cases=self._cases, freeze=self._freeze, fleet=self._fleet, policy=self._policy, clock=self.clock)

    @cached_property
    def overview(self) -> "Overview":
        """The figures of all cases, as they were counted."""
        from shared.operate.overview import Overview

        return Overview(cases=self._cases, clock=self.clock)

    @cached_property
    def search(self) -> "Search":
        """Some of the cases, page by page."""
        from shared.operate.search import Search

        return Search(cases=self._cases, clock=self.clock)

    @cached_property
    def export(self) -> "Export":
        """Journals, page by page."""
        from shared.operate.export import Export

        return Export(cases=self._cases, search=self.search)

    @cached_property
    def tenant(self) -> "ShowTenant":
        """What is known of the tenant, asking nobody."""
        from shared.operate.tenant import ShowTenant

        return ShowTenant(
            facts=self._tenant_facts, attestations=self._attestations, policy=self._policy, clock=self.clock
        )

    @cached_property
    def operate(self) -> "Operate":
        """What people may do."""
        from shared.operate.act import Operate
        from shared.operate.go_on import GoOn
        from shared.records.approvals import ApprovalBook

        return Operate(
            cases=self._cases,
            steps=self._steps,
            freeze=self._freeze,
            fleet=self._fleet,
            go_on=GoOn(cases=self._cases, steps=self._steps, clock=self.clock),
            settle=self._wipe.settle,
            perform=self._actor.perform,
            approvals=ApprovalBook(self._ledger),
            policy=self._policy,
            clock=self.clock,
        )

    @cached_property
    def sign_in(self) -> "SignIn":
        """Whose word is taken for who calls."""
        from shared.operate.principals import SignIn, development_principal

        played = self._settings.development_principal
        return SignIn(
            by_platform=platform_signs_in(), development=None if played is None else development_principal(played)
        )

    @cached_property
    def defer(self) -> "DeferWipe":
        """What an owner may put off."""
        from shared.operate.defer import DeferWipe

        return DeferWipe(cases=self._cases, steps=self._steps, policy=self._policy, clock=self.clock)

    @cached_property
    def pages(self) -> "Pages":
        """What an owner sees of it."""
        from shared.notices.pages import Pages

        return Pages(
            language=self._settings.language,
            time_zone=self._settings.time_zone,
            deferral_hours=self._settings.deferral_hours,
            support_contact=self._settings.support_contact,
        )

    @cached_property
    def report(self) -> "Report":
        """What became of the cases."""
        from shared.notices.report import as_html, as_markdown
        from shared.operate.report import Report

        return Report(
            cases=self._cases,
            mail=self._ports.mail,
            write_html=as_html,
            write_markdown=as_markdown,
            send_to=self._settings.operators_mail,
            policy=self._policy,
            clock=self.clock,
        )

    @cached_property
    def send_notice(self) -> "SendNotice":
        """What operators are told."""
        from shared.records.outbox import Outbox
        from shared.upkeep.send_notice import SendNotice

        return SendNotice(
            outbox=Outbox(self._ports.rows),
            ledger=self._ledger,
            locks=self._locks,
            messages=self.messages,
            chat=self._ports.chat if self._settings.teams_webhook else None,
            mail=self._ports.mail,
            mail_to=self._settings.operators_mail,
            console=self._app_url and f"{self._app_url}/api/console",
            clock=self.clock,
            ids=self._ports.ids,
        )

    @cached_property
    def tend_parked(self) -> "TendParkedInput":
        """What could not be used."""
        from shared.operate.parked_input import TendParkedInput

        return TendParkedInput(parking=self.parking, cases=self._cases, messages=self.messages, clock=self.clock)

    @cached_property
    def measure_queues(self) -> "MeasureQueues":
        """How full the queues are."""
        from shared.upkeep.measure_queues import MeasureQueues

        return MeasureQueues(queues=queues_of(self._settings.part), messages=self.messages, clock=self.clock)

    @cached_property
    def console(self) -> "ForConsole":
        """What the console shows and needs beside it."""
        from shared.operate.for_console import ForConsole
        from shared.operate.numbers import ReadNumbers
        from shared.operate.see_case import SeeCase
        from shared.operate.see_tenant import SeeTenant
        from shared.records.console_key import ConsoleKey

        settings = self._settings
        return ForConsole(
            numbers=ReadNumbers(
                overview=self.overview,
                cases=self._cases,
                freeze=self._freeze,
                fleet=self._fleet,
                budget=self._budget,
                tenant=self._tenant_facts,
                gate=self._gate,
                book=self._book,
                policy=self._policy,
                clock=self.clock,
            ),
            see_case=SeeCase(cases=self._cases, freeze=self._freeze, policy=self._policy, clock=self.clock),
            see_tenant=SeeTenant(tenant=self._tenant_facts, setup=self._ports.setup, gate=self._gate, clock=self.clock),
            freeze=self._freeze,
            key=ConsoleKey(self._ledger),
            time_zone=settings.time_zone,
            app_url=self._app_url,
        )

    @cached_property
    def look_for_drift(self) -> "LookForDrift":
        """Whether the tenant is still as it was made ready. It only reads: the app has nothing that applies a plan."""
        from shared.records.tenant_setup import SetupBook
        from shared.remedy.parts import NoGraph
        from shared.tenant_setup.drift import LookForDrift
        from shared.tenant_setup.plan_tenant import PlanTenant

        ports, settings = self._ports, self._settings
        book = SetupBook(ports.rows, ports.ids)
        planner = PlanTenant(
            reader=ports.setup or cast("TenantReader", NoGraph()),
            book=book,
            attestations=self._attestations,
            clock=self.clock,
            attested=self._policy.enrolment_attestation,
        )
        return LookForDrift(planner=planner, book=book, clock=self.clock, wanted=settings.tenant_drift)

    @cached_property
    def show_drift(self) -> "ShowDrift":
        """What was found of it."""
        from shared.operate.tenant_drift import ShowDrift
        from shared.records.tenant_setup import SetupBook

        return ShowDrift(book=SetupBook(self._ports.rows, self._ports.ids), looks=self._settings.tenant_drift)

    @cached_property
    def attest(self) -> "Attest":
        """What an administrator vouches for."""
        from shared.tenant_setup.attest import Attest

        return Attest(book=self._attestations, clock=self.clock, attested=self._policy.enrolment_attestation)

    @cached_property
    def _attestations(self) -> "AttestationBook":
        from shared.records.attestations import AttestationBook

        return AttestationBook(self._ports.rows, self._ports.ids)

    @cached_property
    def _cases(self) -> "CaseStore":
        from shared.records.cases import CaseStore

        return CaseStore(self._ports.rows, self._ports.ids)

    @cached_property
    def _steps(self) -> "StepQueue":
        from shared.remedy.messages import StepQueue

        return StepQueue(messages=self.messages, clock=self.clock)

    @cached_property
    def _book(self) -> "SubscriptionBook":
        from shared.records.subscriptions import SubscriptionBook

        return SubscriptionBook(self._ports.rows, self._ports.ids)

    @cached_property
    def _hints(self) -> "HintQueue":
        from shared.intake.packing import HintQueue

        return HintQueue(messages=self.messages, clock=self.clock, hidden=self._hide_hints)

    @cached_property
    def _freeze(self) -> "FreezeSwitch":
        from shared.records.freeze import FreezeSwitch

        return FreezeSwitch(self._ledger)

    @cached_property
    def _gate(self) -> "GraphGate":
        from shared.records.gate import GraphGate

        return GraphGate(self._ledger)

    @cached_property
    def _locks(self) -> "Locks":
        from shared.records.locks import Locks

        return Locks(self._ledger)

    @cached_property
    def _budget(self) -> "BudgetBook":
        from shared.records.budget import BudgetBook

        return BudgetBook(self._ledger)

    @cached_property
    def _fleet(self) -> "FleetBook":
        from shared.records.fleet import FleetBook

        return FleetBook(self._ledger, self._ports.tenant, self._policy, self.clock)

    @cached_property
    def _brake(self) -> "Brake":
        from shared.remedy.brake import Brake

        return Brake(freeze=self._freeze, clock=self.clock)

    @cached_property
    def _actor(self) -> "Actor":
        from shared.remedy.act import Actor

        ports = self._ports
        return Actor(
            devices=ports.devices,
            directory=ports.directory,
            autopilot=ports.autopilot,
            mail=ports.mail,
            letters=self._letters(),
            brake=self._brake,
        )

    @cached_property
    def _gatherer(self) -> "Gatherer":
        from shared.remedy.gather import Gatherer

        ports = self._ports
        return Gatherer(
            devices=ports.devices,
            directory=ports.directory,
            autopilot=ports.autopilot,
            tenant=self._tenant_facts,
            budget=self._budget,
            fleet=self._fleet,
            attestations=self._attestations,
            freeze=self._freeze,
            clock=self.clock,
            ids=ports.ids,
        )

    @cached_property
    def _tenant_facts(self) -> "TenantFactsCache":
        from shared.records.tenant_facts import TenantFactsCache

        plans = _named_in_a_swap(self._policy)
        return TenantFactsCache(self._ledger, self._ports.tenant, self.clock, with_all_plans=plans)

    @cached_property
    def _wipe(self) -> "WipeProtocol":
        from shared.remedy.wipe import WipeProtocol

        return WipeProtocol(
            cases=self._cases,
            gatherer=self._gatherer,
            devices=self._ports.devices,
            budget=self._budget,
            freeze=self._freeze,
            fleet=self._fleet,
            brake=self._brake,
            clock=self.clock,
        )

    @cached_property
    def _tell(self) -> "TellOperators":
        """The wiper tells nobody: it has no place to keep notices, and the supervisor finds what it left."""
        from shared.records.outbox import Outbox
        from shared.remedy.tell_operators import TellOperators

        configured = self._settings.teams_webhook is not None or bool(self._settings.operators_mail)
        wanted = configured and self._settings.part is not Part.WIPER
        return TellOperators(outbox=Outbox(self._ports.rows), messages=self.messages, wanted=wanted)

    @property
    def _app_url(self) -> str | None:
        """Without a slash at its end."""
        url = self._settings.app_url
        return None if url is None else str(url).rstrip("/")

    def _letters(self) -> "Letters":
        from shared.notices.letters import Letters

        settings = self._settings
        return Letters(
            language=settings.language,
            time_zone=settings.time_zone,
            support_contact=settings.support_contact,
            app_url=self._app_url,
            deferral_hours=settings.deferral_hours,
        )

    def _probe(self) -> "Probe | None":
        """None where nothing may be written."""
        from shared.upkeep.keep_subscriptions import Probe

        user = self._settings.canary_user
        if user is None or not self._settings.mode.may_write:
            return None
        return Probe(directory=self._ports.directory, user=user)


def queues_of(part: Part) -> tuple[str, ...]:
    """The queues that this part may look into: a worker beside a wiper only sends to the wiper's."""
    return tuple(queue for queue in QUEUES if part is not Part.WORKER or queue != WIPE_STEPS)


def _named_in_a_swap(policy: Policy) -> frozenset[str]:
    """The owner is told which plans a swap takes, by name."""
    return frozenset((*policy.licence_skus, *policy.licence_swap_from) if policy.licence_way is LicenceWay.SWAP else ())


def _jitter(body: str) -> timedelta:
    return timedelta(seconds=1 + zlib.crc32(body.encode("utf-8", "replace")) % 10)
