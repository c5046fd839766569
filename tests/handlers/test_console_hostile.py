"""Names come from other systems: whatever they hold, a page shows them as text, and as the text they are."""

import re

import pytest

from shared.bootstrap import install
from shared.domain.case import Case, DeviceIdentity, JournalEntry, Owner
from shared.domain.checks import Check, Verdict
from shared.domain.policy import Mode
from shared.domain.states import CaseState
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.console import ADA, get
from tests.handlers.test_console_pages import is_well_made

S = CaseState
CASE = f"cases/{story.CASE_ID}"
NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</title></textarea></script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "\u202eEXE.gpj",
    "\u2066\u2069\u200f\ufeff\u200b",
    "\x00\x1b[31m\x7f",
    "a" * 1_500,
    "Ὀδυσσεύς 王小明 عبد الله 👩🏽‍💻",
]


async def hostile(world: World, name: str) -> Case:
    """A case in which everything that others write is this name."""
    case = story.case_in(
        S.AWAITING_APPROVAL,
        world.policy,
        world.clock.now(),
        serial_number=name,
        says=name,
        device=DeviceIdentity(
            managed_device_id=story.DEVICE_ID,
            entra_device_id=name,
            serial_number=name,
            name=name,
            enrolled_at=None,
            enrolment_user_id=name,
            enrolment_user=name,
        ),
        owner=Owner(user_id=name, user_principal_name=name, display_name=name, source=name, site=name),
        checks=(Check(name=name, verdict=Verdict.WRONG, found=name, mend=name),),
        would_do=(name,),
        requested_by=(name,),
        heard_from=name,
    )
    entry = JournalEntry(
        sequence=case.version,
        at=case.moved_at,
        from_state=None,
        to_state=case.state,
        reason=case.reason,
        says=name,
        who=name,
        evidence={name: name, "many": name},
    )
    return (await world.cases.open(case, entry)).case


@pytest.mark.parametrize("path", ["", "cases", CASE, "report"])
async def test_a_name_is_only_ever_text(path: str) -> None:
    """With any name a page has the tags and attributes that it has with a plain one."""
    plain = await _tags_with("PC-0427", path)
    for name in NAMES:
        assert await _tags_with(name, path) == plain, name


async def _tags_with(name: str, path: str) -> list[tuple[str, tuple[str, ...]]]:
    world = World(Mode.APPROVE, development_principal=ADA)
    install(world.services)
    try:
        await hostile(world, name)
        page = await get(path)
    finally:
        install(None)
    assert page.status == 200
    is_well_made(page)
    return [(tag, tuple(attributes)) for tag, attributes in page.tags]


@pytest.mark.parametrize("turned", ["\u202e", "\u202d", "\u2066", "\u2067", "\u200f", "\u061c", "\x00", "\ufeff"])
async def test_what_would_turn_or_hide_a_name_is_spelt_out(world: World, turned: str) -> None:
    await hostile(world, f"PC-{turned}0427")
    for path in ("", "cases", CASE, "report"):
        page = await get(path)
        assert turned not in page.html
        assert f"PC-⟨U+{ord(turned):04X}⟩0427" in page.html


async def test_every_name_is_isolated_from_the_text_around_it(world: World) -> None:
    await hostile(world, "אבג")
    page = await get(CASE)
    body = re.sub('"[^"]*"', "", page.html.partition("<body>")[2])
    assert body.count("אבג") > 20
    assert "אבג" not in re.sub("<bdi>.*?</bdi>", "", body)


async def test_a_search_for_markup_is_shown_as_text(world: World) -> None:
    page = await get('cases?q="><script>alert(1)</script>')
    is_well_made(page)
    assert '<input type="search" id="q" name="q" value="&#34;&gt;&lt;script&gt;' in page.html
