"""The console in a real browser, on a running installation: what people press, see, and cannot do."""

import asyncio
import os
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import (
    AMBIGUOUS,
    ANN,
    AXE,
    BAD_NAME,
    BAD_PERSON,
    BEN,
    EXPIRED,
    FINISHED,
    HOSTILE,
    KEYED,
    RACED,
    RITA,
    UNREADY,
    Office,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def approve(page: Page) -> None:
    await page.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Approve the wipe").click()


async def let_time_pass(office: Office, span: timedelta, *, step: timedelta = timedelta(minutes=20)) -> None:
    """Move the clock that app and tenant share, and let everything that is due happen on the way."""
    now = office.stack.clock.now()
    end = now + span
    while now < end:
        now = min(now + step, end)
        await office.stack.simulated("clock", {"to": now.isoformat()})
        for _ in range(100):
            await asyncio.sleep(0.02)
            if (await office.stack.api.get("/admin/host/status?idle")).json()["idle"]:
                break


async def word(page: Page) -> str:
    """What the page says about the last action."""
    return await page.locator("[data-word]").inner_text()


async def test_every_page_is_accessible_in_light_and_dark_and_fits_a_phone(running_office: Office) -> None:
    if not AXE.exists():
        assert not os.environ.get("CI"), f"{AXE} is missing"
        pytest.skip("axe-core is not installed (make setup)")
    office, axe, found = running_office, AXE.read_text("utf-8"), list[str]()
    pages = [
        office.root,
        f"{office.root}/cases",
        f"{office.root}/cases?q=nobody",
        office.case(KEYED),
        office.case(AMBIGUOUS),
        office.case(UNREADY),
        f"{office.root}/report?days=31",
        f"{office.root}/parked",
        f"{office.root}/parked/{office.parked}",
        f"{office.root}/tenant",
        f"{office.root}/nothing",
    ]
    async with office.visit() as page:
        for url in pages:
            await page.set_viewport_size({"width": 1400, "height": 900})
            await page.goto(url)
            await page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
            await page.evaluate(axe)
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                violations: list[dict[str, Any]] = await page.evaluate("axe.run().then((result) => result.violations)")
                found += [f"{url} {scheme}: {each['id']} {each['nodes'][0]['html']}" for each in violations]
            await page.set_viewport_size({"width": 390, "height": 844})
            wide = await page.evaluate("document.documentElement.scrollWidth")
            found += [f"{url}: {wide} pixels wide on a phone"] if wide > 390 else []
    assert found == [], "\n".join(found)


async def test_names_from_other_systems_do_not_run(running_office: Office) -> None:
    office = running_office
    async with office.visit() as page:
        for url in (office.root, f"{office.root}/cases", office.case(HOSTILE), f"{office.root}/report?days=31"):
            await page.goto(url)
            text = await page.locator("main").inner_text()
            assert BAD_NAME in text, url
            await page.mouse.move(300, 300)
            assert await page.evaluate("window.hacked") is None
        await page.goto(office.case(HOSTILE))
        assert BAD_PERSON in await page.locator("main").inner_text()
        await page.goto(f"{office.root}/parked/{office.parked}")
        assert await page.get_by_label("Body").input_value() == "<script>window.hacked=1</script>"
        assert await page.evaluate("window.hacked") is None


async def test_a_reader_sees_no_button_and_a_forged_form_is_refused(running_office: Office) -> None:
    office = running_office
    async with office.visit(RITA) as page:
        await page.goto(office.case(KEYED))
        await expect(page.get_by_text("To approve it takes the app role Handover.Approver")).to_be_visible()
        assert await page.get_by_role("button").count() == 0
        status = await page.evaluate(
            """(url) => fetch(url, {method: "POST", body: new URLSearchParams({read: "yes", version: "1", proposal: "x"})})
            .then((answer) => answer.status)""",
            f"{office.case(KEYED)}/approve",
        )
        assert status == 403
        await page.goto(office.root)
        assert await page.get_by_role("button").count() == 0


async def test_a_wipe_is_approved_and_the_page_follows_it_to_its_end(running_office: Office) -> None:
    office = running_office
    async with office.visit() as page:
        await page.goto(office.root)
        await page.get_by_role("link", name="PC-0001").click()
        await expect(page.get_by_role("heading", name="A wipe waits for a yes")).to_be_visible()
        await approve(page)
        assert (await word(page)).startswith("Approved.")
        head = page.locator("[data-live=head]")
        await expect(head).to_contain_text("awaiting return", timeout=15_000)
        await let_time_pass(office, timedelta(hours=4))
        # nobody reloads the page
        await expect(head).to_contain_text("proven", timeout=15_000)
        await expect(page.locator("[data-live=story]")).to_contain_text("ann@contoso.example")
        assert await page.get_by_role("button", name="Approve the wipe").count() == 0
    assert (await office.stack.simulated("counts"))["wipes_by_serial"] == {FINISHED: 1}


async def test_of_two_approvers_one_wins_and_the_other_is_told(running_office: Office) -> None:
    """One of them without JavaScript: everything works without it."""
    office = running_office
    async with office.visit(ANN) as first, office.visit(BEN, java_script_enabled=False) as second:
        for page in (first, second):
            await page.goto(office.case(RACED))
        await approve(first)
        assert (await word(first)).startswith("Approved.")
        await approve(second)
        assert "moved this case a moment ago. Nothing was done" in await word(second)
        await second.reload()
    case = await office.stack.ask(f"cases/{office.cases[RACED]}")
    assert case["case"]["approval"]["by"] == "ann@contoso.example"
    assert [entry["reason"] for entry in case["journal"]].count("approved") == 1


async def test_a_wipe_is_approved_with_the_keyboard_alone(running_office: Office) -> None:
    office = running_office
    async with office.visit(BEN) as page:
        await page.goto(office.case(KEYED))
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        while await page.evaluate("document.activeElement.type") != "checkbox":
            await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Approve the wipe"
        await page.keyboard.press("Enter")
        assert (await word(page)).startswith("Approved.")
        assert await page.evaluate("document.activeElement.hasAttribute('data-word')")


async def test_an_approval_that_ran_out_is_told_and_the_wipe_never_sent(running_office: Office) -> None:
    office = running_office
    async with office.visit() as page:
        await page.goto(office.root)
        await page.get_by_text("Freeze all wipes").first.click()
        await page.get_by_label("Why").fill("patch day")
        await page.get_by_role("button", name="Freeze all wipes").click()
        await expect(page.get_by_text("All wipes are frozen by ann@contoso.example")).to_be_visible()
        await page.goto(office.case(EXPIRED))
        await expect(page.get_by_text("it waits until an operator thaws them")).to_be_visible()
        await approve(page)
        await let_time_pass(office, timedelta(hours=25), step=timedelta(hours=5))
        await page.reload()
        await expect(page.locator("[data-live=says]")).to_contain_text("The approval by ann@contoso.example expired.")
        await expect(page.get_by_role("heading", name="A wipe waits for a yes")).to_be_visible()
    assert EXPIRED not in (await office.stack.simulated("counts"))["wipes_by_serial"]


async def test_the_browser_had_nothing_to_complain_of(running_office: Office) -> None:
    """Above all no breach of the Content-Security-Policy, and no error of our script."""
    assert running_office.troubles == []
