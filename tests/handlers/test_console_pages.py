"""The pages of the console: each renders in every state, says who may not see it, and takes any address."""

import base64
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from handlers import console
from shared.bootstrap import build, install
from shared.console.assets import assets
from shared.console.words import ENDS, PHASES
from shared.domain.case import Notice, Reclaim
from shared.domain.checks import Check, Verdict
from shared.domain.effects import Matter
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from shared.domain.tenant_setup import Assigned, FoundProfile
from shared.errors import RetryLater
from shared.operate.principals import SignIn
from shared.ports import TenantReader
from shared.records.tenant_setup import SetupBook
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import answer, header, request
from tests.handlers.console import ADA, NOBODY, RITA, Page, get

S = CaseState
PAGES = ("", "cases", "report", "parked", "tenant")
CASE = f"cases/{story.CASE_ID}"


async def fill(world: World) -> str:
    """A case in every state, a parked message, a subscription; the id of the message."""
    for state in S:
        await world.put(story.case_in(state, world.policy, world.clock.now(), id=f"device-{state.value}"))
    await world.services.parking.park("device-events", '{"specversion": "1.0"}', "type is missing", world.clock.now())
    await world.services.keep_subscriptions.run()
    await world.services.watch_fleet.run()
    listed = await world.services.tend_parked.list(source=None, after="", settled=False)
    return str(listed["parked"][0]["id"])


def is_well_made(page: Page) -> None:
    """Nothing that the Content-Security-Policy forbids, and what a screen reader needs."""
    names = [name for _, attributes in page.tags for name in attributes]
    assert [name for name in names if name == "style" or name.startswith("on")] == []
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [set(script) for script in scripts] == [{"src", "defer"}]
    assert [tag for tag, _ in page.tags if tag in ("style", "iframe", "object", "base")] == []
    assert [tag for tag, _ in page.tags].count("h1") == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    external = [url for _, attributes in page.tags for url in (attributes.get("href"), attributes.get("src")) if url]
    assert [url for url in external if not url.startswith(("/", "#"))] == []


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_renders_when_there_is_nothing(world: World, path: str) -> None:
    page = await get(path)
    assert page.status == 200
    is_well_made(page)


@pytest.mark.parametrize("who", [ADA, RITA])
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_renders_when_there_is_much(world: World, path: str, who: str) -> None:
    await fill(world)
    page = await get(path, who=who)
    assert page.status == 200
    is_well_made(page)


@pytest.mark.parametrize("state", S)
async def test_a_case_renders_in_every_state(world: World, state: CaseState) -> None:
    await fill(world)
    page = await get(f"cases/device-{state.value}")
    assert (page.status, state.value.replace("_", " ") in page.text) == (200, True)
    is_well_made(page)


async def test_a_case_shows_everything_that_is_known_of_it(world: World) -> None:
    now = world.clock.now()
    wrong = Check(name="Hardware", verdict=Verdict.WRONG, found="TPM attestation failed", mend="Register it again.")
    await world.put(
        story.case_in(
            S.AWAITING_RETURN,
            world.policy,
            now,
            wipe=story.attempt(now, sent=True),
            checks=(wrong, replace(wrong, name="Profile", verdict=Verdict.OK)),
            notice=Notice(matter=Matter.WIPE_COMING, decided_at=now, sent=True, deferrals=2, wipe_not_before=now),
            reclaim=Reclaim(user_id=story.STAGING_ID, sku_ids=(story.PREMIUM_ID,), refused="CountViolation"),
            requested_by=("itsm@contoso.example",),
            returned_at=now,
            returned_device_id=story.RETURNED_ID,
            would_do=("wipe the device once",),
        )
    )
    page = await get(CASE)
    for known in (
        story.DEVICE_ID,
        story.ENTRA_DEVICE_ID,
        story.SERIAL_NUMBER,
        story.AUTOPILOT_ID,
        story.OWNER_UPN,
        story.STAGING_UPN,
        story.RETURNED_ID,
        "TPM attestation failed",
        "How to mend it: Register it again.",
        "1 of 2 to mend",
        "itsm@contoso.example",
        "CountViolation",
        "2 times",
        "wipe the device once",
        "as a test put it",
    ):
        assert known in page.text, known
    assert page.text.count("Register it again.") == 1


async def test_a_long_story_is_cut_in_the_middle(world: World) -> None:
    case = await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    stored = await world.cases.load(case.id)
    assert stored is not None
    [first] = await world.cases.journal(case.id)
    entries = [replace(first, sequence=number, says=f"entry {number}") for number in range(8, 460)]
    for start in range(0, len(entries), 90):
        part = entries[start : start + 90]
        stored = await world.cases.save(stored, replace(stored.case, version=part[-1].sequence), part)
    page = await get(CASE)
    assert "53 entries between the first and the latest are not shown" in page.text
    assert ("entry 459" in page.text, "entry 8" in page.text, "entry 230" in page.text) == (True, True, False)


async def test_the_overview_says_what_waits_and_what_is_used(world: World) -> None:
    await fill(world)
    await world.pay("a-nonce")
    page = await get()
    assert "1 to approve, 1 to decide" in page.text
    assert "In an hour 1 of 5" in page.text
    assert "Not yet back 1 of 10" in page.text
    assert "mode approve" in page.text
    assert "Subscription to users" in page.text


async def test_the_overview_says_that_auto_mode_has_ended(world: World) -> None:
    world.set_settings(Mode.AUTO, auto_until=story.START.date() - timedelta(days=1), development_principal=ADA)
    install(world.services)
    assert "Auto mode expired on 2026-03-01, so a person approves each wipe." in (await get()).text


async def test_every_page_says_that_all_wipes_are_frozen(world: World) -> None:
    await world.freeze.set(frozen=True, by="Ben", why="Patch day.", at=world.clock.now())
    for path in PAGES:
        assert "All wipes are frozen by Ben now: Patch day." in (await get(path)).text


async def test_the_tenant_page_says_what_a_licence_contains_and_how_many_seats_are_free(world: World) -> None:
    page = await get("tenant")
    assert "Microsoft 365 Business Premium Handover assigns it SPB yes yes 4 free of 5" in page.text
    assert "Microsoft 365 Business Standard O365_BUSINESS_PREMIUM no no 24 free of 25" in page.text
    assert "Attested by admin@contoso.example On 2026-03-02, by the settings" in page.text
    assert "90 days left" in page.text
    assert "They could not be read." in page.text


async def test_the_tenant_page_shows_every_autopilot_profile_and_whether_it_fits(world: World) -> None:
    fits = FoundProfile(
        id="1",
        name="User-driven",
        description="",
        join="entra",
        usage="singleUser",
        user_type="standard",
        language="os-default",
        device_name_template="",
        allow_pre_provisioning=False,
        skip_keyboard_page=True,
        assigned=Assigned(group_ids=frozenset({"g"})),
    )

    class Setup:
        """Counts how often it is read."""

        reads = 0

        async def profiles(self) -> tuple[FoundProfile, ...]:
            self.reads += 1
            return fits, replace(fits, name="Old", join="hybrid", assigned=Assigned()), replace(fits, usage=None)

    setup = Setup()
    install(build(world.settings, replace(world.ports(), setup=cast("TenantReader", setup))))
    for _ in range(2):
        page = await get("tenant")
        assert "fits User-driven join entra, singleUser, user standard; for 1 group" in page.text
        assert "other kind Old join hybrid, singleUser, user standard; assigned to nobody" in page.text
        assert "not known User-driven join entra, not known" in page.text
    assert setup.reads == 1


async def test_the_tenant_page_shows_what_drifted(world: World) -> None:
    book, now = SetupBook(world.rows, world.ids), world.clock.now().isoformat()
    await book.keep_drift({"at": now, "state": "drifted", "changes": 1, "lines": ["~ update: profile <b>", "    x"]})
    page = await get("tenant")
    assert (
        "Setup of the tenant drifted Compared with the file that was applied, now. ~ update: profile <b> x" in page.text
    )


async def test_the_tenant_page_shows_what_was_read_last_when_graph_is_away(world: World) -> None:
    assert (await get("tenant")).status == 200
    world.clock.set(story.START + timedelta(hours=3))
    world.tenant.answers.append(RetryLater("away"))
    page = await get("tenant")
    assert "The tenant could not be read just now" in page.text
    assert "Microsoft 365 Business Premium" in page.text
    assert "read 3 h ago" in page.text


async def test_a_filter_that_does_not_exist_is_left_out_and_told(world: World) -> None:
    await fill(world)
    page = await get("cases?state=flying&reason=because")
    assert page.word == "There is no such state and no such reason: it was left out."
    assert page.text.count("device-") == 0
    assert page.status == 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [("q=pc-0427", True), ("q=5cg1234", True), ("q=DEF456@", True), ("q=nobody", False), ("state=watching", True),
     ("state=proven", False), ("reason=hint_taken", True), ("reason=frozen", False), ("q=pc-0427&state=proven", False)],
)  # fmt: skip
async def test_the_list_is_filtered_by_its_address(world: World, asked: str, found: bool) -> None:
    await world.put(story.case_in(S.WATCHING, world.policy, world.clock.now()))
    page = await get(f"cases?{asked}")
    assert (f"/api/console/{CASE}" in page.html) is found


async def test_a_report_of_too_many_days_is_refused_with_a_page(world: World) -> None:
    for days in ("0", "93", "x", "²", "-1", ""):
        page = await get(f"report?days={days}")
        assert (page.status, "Days must be a number from 1 to 92." in page.text) == (400, True)


@pytest.mark.parametrize(
    "path",
    ["nothing", "cases/x/y/z", "cases/device-unknown", "cases/..%2f", "cases/a b", "cases/" + "x" * 2000, "parked/x",
     "cases/device-1/approve", "static", "static/console.css", "static/0/console.css", "static/../words.py", "\ud800"],
)  # fmt: skip
async def test_what_is_not_there_is_404_however_it_is_called(world: World, path: str) -> None:
    assert (await get(path)).status == 404


@pytest.mark.parametrize(
    "query", ["q=" + "x" * 5000, "after=%00", "after=..", "q=%00%ff", "q=\u202e", "state=&reason="]
)
async def test_no_query_breaks_the_list(world: World, query: str) -> None:
    await fill(world)
    assert (await get(f"cases?{query}")).status in (200, 400)


@pytest.mark.parametrize("path", [*PAGES, "cases/device-watching", "nothing"])
async def test_who_is_not_signed_in_sees_nothing(world: World, path: str) -> None:
    await fill(world)
    page = await get(path, who=NOBODY)
    assert page.status == 401
    assert "cases/device-" not in page.html
    assert "form" not in [tag for tag, _ in page.tags]


def signed_in(*roles: str) -> dict[str, str]:
    """What the platform says of a person."""
    claims = [("oid", "id-1"), ("preferred_username", "eve@contoso.example"), *(("roles", role) for role in roles)]
    document = {"claims": [{"typ": kind, "val": value} for kind, value in claims]}
    return {"x-ms-client-principal": base64.b64encode(json.dumps(document).encode()).decode()}


async def test_on_azure_the_platform_says_who_looks_and_where_to_sign_in(world: World) -> None:
    world.services.sign_in = SignIn(by_platform=True)
    install(world.services)
    page = await get("cases?q=x")
    links = [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert (page.status, "/.auth/login/aad?post_login_redirect_uri=/api/console/cases" in links) == (401, True)
    page = await get(headers=signed_in("Handover.Reader"))
    assert (page.status, "eve@contoso.example Reader Sign out" in page.text) == (200, True)


async def test_who_has_no_role_sees_no_case(world: World) -> None:
    world.services.sign_in = SignIn(by_platform=True)
    install(world.services)
    await fill(world)
    page = await get("cases/device-watching", headers=signed_in("Another.Role"))
    assert (page.status, "none of the app roles" in page.text, story.SERIAL_NUMBER in page.html) == (403, True, False)


async def test_every_answer_forbids_what_a_page_does_not_need(world: World) -> None:
    for page in (await get(), await get("nothing"), await get("", who=NOBODY)):
        policy = header(page.answer, "content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert header(page.answer, "cache-control") == "no-store"
        assert header(page.answer, "x-content-type-options") == "nosniff"


async def test_assets_are_kept_for_ever_and_found_by_their_hash(world: World) -> None:
    page = await get()
    urls = set(re.findall(r'"/api/console/(static/[^"]+)"', page.html))
    assert {url.rsplit("/", 1)[1] for url in urls} == set(assets())
    for url in urls:
        asset = await get(url, who=NOBODY)
        assert (asset.status, "immutable" in (header(asset.answer, "cache-control") or "")) == (200, True)
        tag = header(asset.answer, "etag") or ""
        assert (await get(url, headers={"if-none-match": tag})).status == 304


async def test_an_asset_has_its_type(world: World) -> None:
    for name, asset in assets().items():
        given = request(method="GET", route={"path": f"static/{asset.digest}/{name}"})
        assert (header(answer(await console.answer(given)), "content-type") or "").startswith(asset.kind)


async def test_storage_that_is_away_is_a_page_without_a_trace(world: World) -> None:
    await get()
    world.rows.away = True
    for path in (*PAGES, CASE):
        page = await get(path)
        assert (page.status, "Try again later" in page.text) == (503, True)
        assert "Traceback" not in page.html


async def test_what_nobody_expected_is_a_page_without_a_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr("handlers.console_pages.overview_page", broken)
    page = await get()
    assert (page.status, "its log says why" in page.text, "secret" in page.html) == (500, True, False)


def test_every_state_has_its_place_on_the_overview() -> None:
    placed = [state for phase in PHASES for state in phase.states] + list(ENDS)
    assert sorted(placed) == sorted(S)
    assert [state for state in ENDS if not state.ended] == []
