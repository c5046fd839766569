"""Whatever is searched for, paged to or followed from a mail: an answer or a plain refusal, and pages in a row show each case once."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import defer
from handlers.bodies import ListCases, ListParked, ShowReport, read
from shared.bootstrap import install
from shared.domain.states import CaseState
from shared.errors import BadInput
from shared.operate.search_terms import Asked
from tests.fakes import story
from tests.fakes.world import World
from tests.handlers.arguments import answer, request
from tests.safety.scheduler import finish

TEXTS = (
    "", " ", "5CG", "pc-", "DEF456", "|", "=", "=2f=", "/", "\\", "#", "?", "%2e%2e", "..", "'", "' or 1 eq 1", "\x00", "\x7f", "\x9f", "\ud800",
    "\U0001f600", "Ä", "ẞ", "İ", "x" * 320, "x" * 321, "open.", "open.device-", "2026-03.", "2026-13.", "9999999999-", "null", "*",
)  # fmt: skip
texts = st.sampled_from(TEXTS) | st.text(max_size=12) | st.lists(st.sampled_from(TEXTS), max_size=3).map("".join)
CODE = "0123456789abcdef" * 4


async def a_world_of_cases() -> World:
    """Twelve cases, some of which have ended, some with names that are hard to write."""
    world = World()
    for number, name in enumerate(
        ("PC-1", "pc-1", "PC-1/2", "PC|1", "PC=1=", "ÄPC", "\U0001f600", "'", "%", "", "PC 1", "-")
    ):
        state = (CaseState.NEEDS_PERSON, CaseState.AWAITING_APPROVAL, CaseState.CANCELLED)[number % 3]
        case = story.case_in(state, world.policy, world.clock.now())
        assert case.device is not None
        await world.put(replace(case, id=f"device-{number:02}", device=replace(case.device, name=name)))
    return world


WORLD = finish(a_world_of_cases())
asked = st.builds(
    Asked,
    which=st.sampled_from(["all", "open", "ended"]) | texts,
    serial=st.just("") | texts,
    device=st.just("") | texts,
    user=st.just("") | texts,
    name=st.just("") | texts,
    state=st.none() | st.sampled_from(CaseState),
    month=st.none() | st.sampled_from(["2026-03", "2026-3", "٢٠٢٦-٠٣"]) | texts,
    after=st.just("") | texts,
    most=st.sampled_from([1, 2, 50, 0, -1, 101]),
)


@settings(max_examples=400, deadline=None)
@given(asked)
async def test_any_search_is_answered_with_a_page_or_bad_input(question: Asked) -> None:
    search = WORLD.services.search
    try:
        page = await search.find(question)
    except BadInput as error:
        assert str(error).isprintable()
        return
    assert len(page[0]) <= question.most
    assert page[1] is None or len(page[1]) <= 500


QUESTIONS = (
    Asked(which="all"), Asked(which="open"), Asked(which="ended"), Asked(device="pc"), Asked(serial="5cg"), Asked(user="def456"),
    Asked(name="'"), Asked(state=CaseState.NEEDS_PERSON), Asked(state=CaseState.CANCELLED, device="pc"),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(QUESTIONS), st.integers(1, 13))
async def test_pages_in_a_row_show_what_one_large_page_shows_each_case_once(question: Asked, most: int) -> None:
    whole, end = await WORLD.services.search.find(replace(question, most=100))
    assert end is None
    found, after = list[str](), ""
    for _ in range(30):
        page, following = await WORLD.services.search.find(replace(question, most=most, after=after))
        found += [line.case_id for line in page]
        if following is None:
            break
        after = following
    assert sorted(found) == sorted(line.case_id for line in whole)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([ListCases, ListParked, ShowReport]),
    st.dictionaries(
        st.sampled_from(["which", "month", "state", "reason", "serial", "after", "most", "source", "settled", "days", "format", "more"]),
        texts | st.sampled_from(["1", "0", "-1", "1e3", "٣", "999999999999999999999", "true", "opened"]),
        max_size=5,
    ),
)  # fmt: skip
def test_any_query_is_read_or_refused_without_repeating_it(model: Any, query: dict[str, str]) -> None:
    try:
        read(model, query)
    except BadInput as error:
        assert str(error).isprintable()
        assert not any(len(value) > 20 and value in str(error) for value in query.values())


@settings(max_examples=150, deadline=None)
@given(
    texts | st.sampled_from([story.CASE_ID, story.CASE_ID.upper(), "device-.."]),
    texts | st.sampled_from([CODE, CODE.upper(), CODE + "\n", CODE[1:]]),
)
async def test_a_link_that_nobody_was_sent_is_answered_with_404_whatever_it_is(case_id: str, code: str) -> None:
    install(WORLD.services)
    try:
        for handle in (defer.show, defer.put_off):
            given_answer = answer(await handle(request(route={"case_id": case_id, "code": code})))
            assert given_answer.status == 404
    finally:
        install(None)
