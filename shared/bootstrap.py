"""Wires the product together: the only file that sees ports and clients at once. Nothing happens at import.

The services are built at the first call, so a bad setting fails the first invocation, with every problem named. Tests
and the development host build them with other parts and install those.
"""

import logging
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import cast

from shared.clients.graph.client import Graph
from shared.clients.storage.connect import Storage
from shared.clients.system import RandomIds, SystemClock
from shared.clients.teams import TeamsWorkflow
from shared.domain.part import Part
from shared.domain.policy import LicenceWay, Policy
from shared.errors import RetryLater
from shared.intake.find_device import FindDevice
from shared.intake.heard import Heard
from shared.intake.intune_logs import TakeIntuneLogs
from shared.intake.packing import HintQueue
from shared.intake.receive import KnownSubscriptions, ReceiveNotifications
from shared.intake.second_look import SecondLook
from shared.intake.take_hint import TakeHint
from shared.names import QUEUES, WIPE_STEPS
from shared.notices.letters import Letters
from shared.notices.pages import Pages
from shared.notices.report import as_html, as_markdown
from shared.operate.act import Operate
from shared.operate.defer import DeferWipe
from shared.operate.export import Export
from shared.operate.for_console import ForConsole
from shared.operate.go_on import GoOn
from shared.operate.look import Look
from shared.operate.numbers import ReadNumbers
from shared.operate.overview import Overview
from shared.operate.parked_input import TendParkedInput
from shared.operate.principals import SignIn, development_principal
from shared.operate.report import Report
from shared.operate.search import Search
from shared.operate.see_case import SeeCase
from shared.operate.see_tenant import SeeTenant
from shared.operate.tenant import ShowTenant
from shared.operate.tenant_drift import ShowDrift
from shared.ports import (
    Autopilot,
    Chat,
    Clock,
    Devices,
    Directory,
    Ids,
    Mail,
    Messages,
    Rows,
    Subscriptions,
    Tenant,
    TenantSetup,
)
from shared.records.approvals import ApprovalBook
from shared.records.asked import AskedBook
from shared.records.attestations import AttestationBook
from shared.records.budget import BudgetBook
from shared.records.cases import CaseStore
from shared.records.console_key import ConsoleKey
from shared.records.fleet import FleetBook
from shared.records.freeze import FreezeSwitch
from shared.records.gate import GraphGate
from shared.records.ledger import Ledger
from shared.records.locks import Locks
from shared.records.outbox import Outbox
from shared.records.parked import ParkingLot
from shared.records.subscriptions import SubscriptionBook
from shared.records.sweep_progress import SweepProgress
from shared.records.tenant_facts import TenantFactsCache
from shared.records.tenant_setup import SetupBook
from shared.records.watchdog_progress import WatchdogProgress
from shared.remedy.act import Actor
from shared.remedy.advance import Advance
from shared.remedy.brake import Brake
from shared.remedy.gather import Gatherer
from shared.remedy.messages import StepQueue
from shared.remedy.parts import NoGraph, UnprivilegedDevices
from shared.remedy.tell_operators import TellOperators
from shared.remedy.wipe import WipeProtocol
from shared.settings import Settings, platform_signs_in
from shared.telemetry import event, set_up_logging
from shared.tenant_setup.attest import Attest
from shared.tenant_setup.drift import LookForDrift
from shared.tenant_setup.make_ready import MakeReady
from shared.upkeep.keep_subscriptions import KeepSubscriptions, Probe
from shared.upkeep.measure_queues import MeasureQueues
from shared.upkeep.mend_overview import MendOverview
from shared.upkeep.send_notice import SendNotice
from shared.upkeep.supervise import Supervise
from shared.upkeep.sweep import Sweep
from shared.upkeep.sweep_legs import Legs
from shared.upkeep.watch_fleet import WatchFleet
from shared.upkeep.watch_returns import WatchReturns
from shared.upkeep.watch_wipes import WatchWipes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The outside world, real or simulated."""

    rows: Rows
    messages: Messages
    devices: Devices
    directory: Directory
    autopilot: Autopilot
    tenant: Tenant
    subscriptions: Subscriptions
    mail: Mail
    chat: Chat
    clock: Clock
    ids: Ids
    close: Callable[[], Awaitable[None]]
    setup: TenantSetup | None = None


TRY_AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases that handlers call."""

    receive: ReceiveNotifications
    take_hint: TakeHint
    advance: Advance
    supervise: Supervise
    watch_returns: WatchReturns
    keep_subscriptions: KeepSubscriptions
    sweep: Sweep
    watch_fleet: WatchFleet
    watch_wipes: WatchWipes
    look: Look
    overview: Overview
    search: Search
    export: Export
    tenant: ShowTenant
    operate: Operate
    sign_in: SignIn
    defer: DeferWipe
    pages: Pages
    report: Report
    send_notice: SendNotice
    parking: ParkingLot
    tend_parked: TendParkedInput
    take_intune_logs: TakeIntuneLogs
    measure_queues: MeasureQueues
    console: ForConsole
    look_for_drift: LookForDrift
    show_drift: ShowDrift
    attest: Attest
    messages: Messages
    clock: Clock
    close: Callable[[], Awaitable[None]]
    """Closes every connection; a function app never does, tests and the development host do."""

    async def send_again(self, queue: str, body: str, error: RetryLater) -> None:
        """Put a message back for when Graph or storage may answer again; five quick tries would not outlive a throttle.

        A wish of Graph is kept to the second, and some seconds more, so that not everything comes in the same one.
        """
        delay = TRY_AGAIN_AFTER if error.after is None else error.after + _jitter(body)
        await self.messages.send(queue, body, delay=delay)

    async def park(self, source: str, body: str, reason: str) -> None:
        """Set an unusable message aside."""
        await self.parking.park(source, body, reason, self.clock.now())


def connect(settings: Settings, *, clock: Clock | None = None) -> Ports:
    """The real outside world: Azure Storage and Microsoft Graph. Opens nothing yet."""
    clock = clock or SystemClock()
    storage, graph = Storage(settings), Graph(settings, clock, on_request=_count)

    async def close() -> None:
        await storage.close()
        await graph.close()

    return Ports(
        rows=storage.rows,
        messages=storage.messages,
        devices=graph.devices,
        directory=graph.directory,
        autopilot=graph.autopilot,
        tenant=graph.tenant,
        subscriptions=graph.subscriptions,
        mail=graph.mail,
        chat=TeamsWorkflow(settings.teams_webhook.get_secret_value() if settings.teams_webhook else None),
        clock=clock,
        ids=RandomIds(),
        close=close,
        setup=graph.setup,
    )


def _count(operation: str, status: int) -> None:
    level = logging.WARNING if status == HTTPStatus.TOO_MANY_REQUESTS else logging.INFO
    event(log, "graph.requested", level=level, operation=operation, status=status)


def queues_of(part: Part) -> tuple[str, ...]:
    """The queues that this part may look into: a worker beside a wiper only sends to the wiper's."""
    return tuple(queue for queue in QUEUES if part is not Part.WORKER or queue != WIPE_STEPS)


def limited(ports: Ports, part: Part) -> Ports:
    """The outside world as far as this part may touch it: the same limits as its identity's, once more."""
    if part is Part.WORKER:
        return replace(ports, devices=UnprivilegedDevices(devices=ports.devices))
    nothing = NoGraph()
    if part is Part.WIPER:
        return replace(ports, mail=cast("Mail", nothing))
    if part is not Part.INTAKE:
        return ports
    return replace(
        ports,
        devices=cast("Devices", nothing),
        directory=cast("Directory", nothing),
        autopilot=cast("Autopilot", nothing),
        tenant=cast("Tenant", nothing),
        subscriptions=cast("Subscriptions", nothing),
        setup=cast("TenantSetup", nothing),
        mail=cast("Mail", nothing),
    )


def build(settings: Settings, ports: Ports, *, hide_hints: bool = True) -> Services:
    """All use cases over the given ports, as far as this part may use them.

    ``hide_hints`` is for a clock that never jumps: see HintQueue.
    """
    ports = limited(ports, settings.part)
    policy, clock, ids = settings.policy(), ports.clock, ports.ids
    ledger, cases = Ledger(ports.rows, ids), CaseStore(ports.rows, ids)
    steps, book = StepQueue(messages=ports.messages, clock=clock), SubscriptionBook(ports.rows, ids)
    freeze = FreezeSwitch(ledger)
    tell = _tell(settings, ports)
    advance = _advance(settings, ports, ledger, freeze, cases, steps, tell)
    fleet, brake, gate = advance.gatherer.fleet, advance.wipe.brake, advance.gate
    hints, asked = HintQueue(messages=ports.messages, clock=clock, hidden=hide_hints), AskedBook(ledger)
    parking = ParkingLot(ports.rows, ids)
    return Services(
        receive=_receive(settings, ports, book, hints),
        take_hint=TakeHint(
            cases=cases,
            steps=steps,
            find_device=FindDevice(
                devices=ports.devices, autopilot=ports.autopilot, asked=asked, gate=gate, clock=clock
            ),
            asked=asked,
            second_look=SecondLook(asked=asked, messages=ports.messages, clock=clock),
            book=book,
            policy=policy,
            clock=clock,
        ),
        advance=advance,
        supervise=Supervise(
            cases=cases,
            steps=steps,
            clock=clock,
            tell=tell,
            freeze=freeze,
            budget=advance.wipe.budget,
            settle=advance.wipe.settle,
            mend=MendOverview(cases=cases),
        ),
        watch_returns=WatchReturns(cases=cases, steps=steps, devices=ports.devices, clock=clock),
        keep_subscriptions=KeepSubscriptions(
            resources=settings.subscribe_to,
            notification_url=str(settings.notification_url) if settings.notification_url else None,
            client_state=settings.client_state.get_secret_value() if settings.client_state else None,
            subscriptions=ports.subscriptions,
            book=book,
            locks=Locks(ledger),
            clock=clock,
            ids=ids,
            probe=_probe(settings, ports),
        ),
        sweep=_sweep(settings, ports, ledger, cases, book, hints),
        watch_fleet=WatchFleet(fleet=fleet, brake=brake, gate=gate, policy=policy, clock=clock),
        watch_wipes=WatchWipes(
            devices=ports.devices,
            budget=advance.wipe.budget,
            progress=WatchdogProgress(ledger),
            brake=brake,
            tell=tell,
            gate=gate,
            policy=policy,
            clock=clock,
        ),
        look=Look(cases=cases, freeze=freeze, fleet=fleet, policy=policy, clock=clock),
        overview=Overview(cases=cases, clock=clock),
        search=Search(cases=cases, clock=clock),
        export=Export(cases=cases, search=Search(cases=cases, clock=clock)),
        tenant=ShowTenant(
            facts=TenantFactsCache(ledger, ports.tenant, clock, with_all_plans=_named_in_a_swap(policy)),
            policy=policy,
            clock=clock,
        ),
        operate=Operate(
            cases=cases,
            steps=steps,
            freeze=freeze,
            fleet=fleet,
            go_on=GoOn(cases=cases, steps=steps, clock=clock),
            settle=advance.wipe.settle,
            approvals=ApprovalBook(ledger),
            policy=policy,
            clock=clock,
        ),
        sign_in=_sign_in(settings),
        defer=DeferWipe(cases=cases, steps=steps, policy=policy, clock=clock),
        pages=_pages(settings),
        report=Report(
            cases=cases,
            mail=ports.mail,
            write_html=as_html,
            write_markdown=as_markdown,
            send_to=settings.operators_mail,
            policy=policy,
            clock=clock,
        ),
        send_notice=SendNotice(
            outbox=Outbox(ports.rows),
            ledger=ledger,
            locks=Locks(ledger),
            messages=ports.messages,
            chat=ports.chat if settings.teams_webhook else None,
            mail=ports.mail,
            mail_to=settings.operators_mail,
            clock=clock,
            ids=ids,
        ),
        parking=parking,
        take_intune_logs=TakeIntuneLogs(tenant_id=settings.tenant_id, hints=hints, parking=parking, clock=clock),
        measure_queues=MeasureQueues(queues=queues_of(settings.part), messages=ports.messages, clock=clock),
        console=_console(settings, ports, advance, book, ledger),
        look_for_drift=_drift(settings, ports),
        show_drift=ShowDrift(book=SetupBook(ports.rows, ids), looks=settings.tenant_drift),
        attest=Attest(book=AttestationBook(ports.rows, ids), clock=clock, attested=policy.enrolment_attestation),
        tend_parked=TendParkedInput(parking=parking, cases=cases, messages=ports.messages, clock=clock),
        messages=ports.messages,
        clock=clock,
        close=ports.close,
    )


def _console(settings: Settings, ports: Ports, advance: Advance, book: SubscriptionBook, ledger: Ledger) -> ForConsole:
    gatherer, policy, clock = advance.gatherer, settings.policy(), advance.clock
    return ForConsole(
        numbers=ReadNumbers(
            overview=Overview(cases=advance.cases, clock=clock),
            cases=advance.cases,
            freeze=gatherer.freeze,
            fleet=gatherer.fleet,
            budget=gatherer.budget,
            tenant=gatherer.tenant,
            gate=advance.gate,
            book=book,
            policy=policy,
            clock=clock,
        ),
        see_case=SeeCase(cases=advance.cases, freeze=gatherer.freeze, policy=policy, clock=clock),
        see_tenant=SeeTenant(tenant=gatherer.tenant, setup=ports.setup, gate=advance.gate, clock=clock),
        freeze=gatherer.freeze,
        key=ConsoleKey(ledger),
        time_zone=settings.time_zone,
        app_url=str(settings.app_url) if settings.app_url else None,
    )


def _drift(settings: Settings, ports: Ports) -> LookForDrift:
    """It only plans: nothing in the app applies a plan."""
    book = SetupBook(ports.rows, ports.ids)
    ready = MakeReady(
        setup=ports.setup or cast("TenantSetup", NoGraph()),
        book=book,
        attestations=AttestationBook(ports.rows, ports.ids),
        locks=Locks(Ledger(ports.rows, ports.ids)),
        clock=ports.clock,
        ids=ports.ids,
        attested=settings.policy().enrolment_attestation,
    )
    return LookForDrift(ready=ready, book=book, clock=ports.clock, wanted=settings.tenant_drift)


def _receive(settings: Settings, ports: Ports, book: SubscriptionBook, hints: HintQueue) -> ReceiveNotifications:
    secrets = (settings.client_state, settings.client_state_previous)
    return ReceiveNotifications(
        tenant_id=settings.tenant_id,
        client_states=tuple(secret.get_secret_value().encode() for secret in secrets if secret is not None),
        book=book,
        known=KnownSubscriptions(book, ports.clock),
        hints=hints,
        heard=Heard(book),
        clock=ports.clock,
    )


def _probe(settings: Settings, ports: Ports) -> Probe | None:
    """None where nothing may be written."""
    if settings.canary_user is None or not settings.mode.may_write:
        return None
    return Probe(directory=ports.directory, user=settings.canary_user)


def _sign_in(settings: Settings) -> SignIn:
    played = settings.development_principal
    return SignIn(
        by_platform=platform_signs_in(), development=None if played is None else development_principal(played)
    )


def _pages(settings: Settings) -> Pages:
    return Pages(
        language=settings.language,
        time_zone=settings.time_zone,
        deferral_hours=settings.deferral_hours,
        support_contact=settings.support_contact,
    )


def _sweep(
    settings: Settings, ports: Ports, ledger: Ledger, cases: CaseStore, book: SubscriptionBook, hints: HintQueue
) -> Sweep:
    progress = SweepProgress(ledger)
    return Sweep(
        every=timedelta(minutes=settings.sweep_minutes),
        policy=settings.policy(),
        progress=progress,
        legs=Legs(
            devices=ports.devices,
            directory=ports.directory,
            autopilot=ports.autopilot,
            cases=cases,
            progress=progress,
            clock=ports.clock,
            group_ids=settings.group_ids,
            reads_registrations=settings.sweep_autopilot,
        ),
        hints=hints,
        book=book,
        gate=GraphGate(ledger),
        locks=Locks(ledger),
        clock=ports.clock,
        ids=ports.ids,
    )


def _letters(settings: Settings) -> Letters:
    return Letters(
        language=settings.language,
        time_zone=settings.time_zone,
        support_contact=settings.support_contact,
        app_url=str(settings.app_url).rstrip("/") if settings.app_url else None,
        deferral_hours=settings.deferral_hours,
    )


def _named_in_a_swap(policy: Policy) -> frozenset[str]:
    """The owner is told which plans a swap takes, by name."""
    return frozenset((*policy.licence_skus, *policy.licence_swap_from) if policy.licence_way is LicenceWay.SWAP else ())


def _tell(settings: Settings, ports: Ports) -> TellOperators:
    """The wiper tells nobody: it has no place to keep notices, and the supervisor finds what it left."""
    configured = settings.teams_webhook is not None or bool(settings.operators_mail)
    return TellOperators(
        outbox=Outbox(ports.rows), messages=ports.messages, wanted=configured and settings.part is not Part.WIPER
    )


def _advance(
    settings: Settings,
    ports: Ports,
    ledger: Ledger,
    freeze: FreezeSwitch,
    cases: CaseStore,
    steps: StepQueue,
    tell: TellOperators,
) -> Advance:
    budget, policy, brake = BudgetBook(ledger), settings.policy(), Brake(freeze=freeze, clock=ports.clock)
    fleet = FleetBook(ledger, ports.tenant, policy, ports.clock)
    gatherer = Gatherer(
        devices=ports.devices,
        directory=ports.directory,
        autopilot=ports.autopilot,
        tenant=TenantFactsCache(ledger, ports.tenant, ports.clock, with_all_plans=_named_in_a_swap(policy)),
        budget=budget,
        fleet=fleet,
        attestations=AttestationBook(ports.rows, ports.ids),
        freeze=freeze,
        clock=ports.clock,
        ids=ports.ids,
    )
    return Advance(
        cases=cases,
        steps=steps,
        gatherer=gatherer,
        actor=Actor(
            devices=ports.devices,
            directory=ports.directory,
            autopilot=ports.autopilot,
            mail=ports.mail,
            letters=_letters(settings),
            brake=brake,
        ),
        wipe=WipeProtocol(
            cases=cases,
            gatherer=gatherer,
            devices=ports.devices,
            budget=budget,
            freeze=freeze,
            fleet=fleet,
            brake=brake,
            clock=ports.clock,
        ),
        gate=GraphGate(ledger),
        tell=tell,
        policy=policy,
        clock=ports.clock,
    )


def _jitter(body: str) -> timedelta:
    return timedelta(seconds=1 + zlib.crc32(body.encode("utf-8", "replace")) % 10)


_installed: Services | None = None


def services() -> Services:
    """The one set of use cases of this process, built from the environment at the first call."""
    global _installed  # noqa: PLW0603  # one per process is what a function app is
    if _installed is None:
        set_up_logging()
        settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
        _installed = build(settings, connect(settings))
    return _installed


def install(replacement: Services | None) -> None:
    """Use these services in this process; None builds them anew from the environment at the next call."""
    global _installed  # noqa: PLW0603  # see above
    _installed = replacement
