"""Who is calling: trusted only by the platform's word, refused when absent or forged, and played in development alone."""

import base64
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from handlers import api
from handlers.sign_in import MOST_CHARACTERS, principal_of
from shared.bootstrap import install
from shared.operate.principals import NotSignedIn, Principal, Role, SignIn, development_principal
from shared.settings import platform_signs_in
from tests.fakes.people import person
from tests.fakes.world import World
from tests.handlers.arguments import FROM_OUR_PROGRAM, PLAYED, case_request, ok, problem, request

OBJECT_ID = "0A1B2C3D-0000-4000-8000-00000000ADA0"
LONG_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
LONG_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
CLAIMS = [(LONG_ID, OBJECT_ID), ("preferred_username", "ada@contoso.example"), ("roles", "Handover.Approver")]


def encoded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def signed_in(claims: list[tuple[str, str]] | None = None) -> dict[str, str]:
    """The headers as App Service Authentication sets them."""
    listed = [{"typ": kind, "val": value} for kind, value in (CLAIMS if claims is None else claims)]
    document = {"auth_typ": "aad", "claims": listed, "name_typ": "name", "role_typ": "roles"}
    return {"X-MS-CLIENT-PRINCIPAL": encoded(document), "X-MS-CLIENT-PRINCIPAL-NAME": "ada@contoso.example"}


def use(world: World, sign_in: SignIn) -> None:
    world.services.sign_in = sign_in
    install(world.services)


@pytest.fixture
def azure() -> Iterator[World]:
    """An app on Azure with App Service Authentication switched on."""
    made = World()
    use(made, SignIn(by_platform=True))
    yield made
    install(None)


def test_the_platforms_claims_say_who_it_is_and_what_they_may(azure: World) -> None:
    who = principal_of(signed_in())
    assert who == Principal(
        id=OBJECT_ID.lower(), name="ada@contoso.example", roles=frozenset({Role.APPROVER}), other_names=frozenset()
    )
    assert who.may(Role.READER) and who.may(Role.APPROVER) and not who.may(Role.OPERATOR)


def test_roles_come_from_either_claim_type_and_unknown_ones_give_nothing(azure: World) -> None:
    claims = [
        *CLAIMS[:2],
        (LONG_ROLE, "Handover.Operator"),
        ("roles", "Handover.Everything"),
        ("groups", "Handover.Approver"),
    ]
    assert principal_of(signed_in(claims)).roles == {Role.OPERATOR}
    assert principal_of(signed_in(CLAIMS[:2])).roles == frozenset()


def test_every_name_of_the_account_is_kept(azure: World) -> None:
    who = principal_of(signed_in([*CLAIMS, ("upn", "ada.l@contoso.example"), ("email", "mail@contoso.example")]))
    assert who.name == "ada.l@contoso.example"
    assert all(who.is_called(name) for name in ("ADA@contoso.example", "mail@contoso.example", OBJECT_ID))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "not base64 !",
        "é" * 10,
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"[" * 60_000).decode(),
        encoded([]),
        encoded({}),
        encoded({"claims": 5}),
        encoded({"claims": [1, None, {"typ": 5, "val": 7}]}),
        encoded({"claims": [{"typ": LONG_ID, "val": "x" * 500}, {"typ": "upn", "val": "ada@contoso.example"}]}),
        encoded({"claims": [{"typ": LONG_ID, "val": "line\nbreak"}, {"typ": "upn", "val": "ada@contoso.example"}]}),
        encoded({"claims": [{"typ": LONG_ID, "val": OBJECT_ID}, {"typ": "upn", "val": " "}]}),
        "A" * (MOST_CHARACTERS + 4),
    ],
    ids=lambda header: repr(header[:12]),
)
async def test_a_header_that_the_platform_would_not_write_is_401(azure: World, header: str) -> None:
    await problem(401, api.show_status, request(method="GET", headers={"x-ms-client-principal": header}))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode()))
def test_no_header_is_anything_but_a_person_or_not_signed_in(header: str) -> None:
    world = World()
    use(world, SignIn(by_platform=True))
    with pytest.raises(NotSignedIn):
        principal_of({"X-MS-CLIENT-PRINCIPAL": header})
    install(None)


async def test_without_app_service_authentication_the_same_header_is_a_forgery(azure: World) -> None:
    await ok(api.show_status, request(method="GET", headers=signed_in()))
    use(azure, SignIn())
    said = await problem(401, api.show_status, request(method="GET", headers=signed_in()))
    assert "App Service Authentication is off" in said


async def test_on_azure_nobody_is_played(azure: World) -> None:
    use(azure, SignIn(by_platform=True, development=person("Ada")))
    await problem(401, api.show_status, request(method="GET", headers={PLAYED: "Eve;Operator"}))


async def test_in_development_two_people_can_be_played(world: World) -> None:
    headers = {**FROM_OUR_PROGRAM, PLAYED: "Eve;Operator"}
    frozen = await ok(api.set_freeze, request('{"frozen": true, "why": "x"}', headers=headers))
    assert frozen["frozen_by"] == "Eve"
    said = await problem(403, api.approve_case, case_request({"proposal": "x"}, headers=headers))
    assert "Handover.Approver is missing" in said


async def test_in_development_the_platforms_header_counts_for_nothing(world: World) -> None:
    headers = {**FROM_OUR_PROGRAM, **signed_in()}
    frozen = await ok(api.set_freeze, request('{"frozen": true, "why": "x"}', headers=headers))
    assert frozen["frozen_by"] == "Ada"


@pytest.mark.parametrize(
    "played", ["", "Eve", "Eve;", ";Operator", "Eve;Owner", "E\nve;Operator", "a,b;Reader", "x" * 200 + ";Reader"]
)
async def test_a_played_person_that_cannot_be_read_is_401(world: World, played: str) -> None:
    await problem(401, api.show_status, request(method="GET", headers={PLAYED: played}))


async def test_who_has_no_role_may_not_even_read(azure: World) -> None:
    said = await problem(403, api.show_status, request(method="GET", headers=signed_in(CLAIMS[:2])))
    assert "Handover.Reader is missing" in said


@pytest.mark.parametrize("role", Role)
def test_a_role_allows_its_own_and_reading(role: Role) -> None:
    who = person("Ada", role)
    assert [each for each in Role if who.may(each)] == [each for each in Role if each in (Role.READER, role)]


async def test_nobody_is_named_in_the_log_when_a_sign_in_is_refused(
    azure: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await problem(
        403, api.set_freeze, request('{"frozen": true, "why": "x"}', headers={**FROM_OUR_PROGRAM, **signed_in()})
    )
    assert "ada@contoso.example" not in caplog.text


MARKS = ("WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME")


@pytest.mark.parametrize("mark", MARKS)
def test_a_played_person_is_refused_when_the_app_starts_on_azure(monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    World(development_principal="Ada;Operator")
    monkeypatch.setenv(mark, "something")
    with pytest.raises(ValidationError, match="development machine"):
        World(development_principal="Ada;Operator")


@pytest.mark.parametrize("text", ["", "Ada", "Ada;", "Ada;Owner", ";Operator", "Ada;Operator,", "a;b;Operator"])
def test_a_played_person_without_a_known_role_is_refused_when_the_app_starts(text: str) -> None:
    with pytest.raises(ValidationError):
        World(development_principal=text)
    with pytest.raises(ValueError, match="must be like"):
        development_principal(text)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WEBSITE_AUTH_ENABLED": "True", "WEBSITE_SITE_NAME": "handover"}, True),
        ({"WEBSITE_AUTH_ENABLED": "false", "WEBSITE_SITE_NAME": "handover"}, False),
        ({"WEBSITE_AUTH_ENABLED": "", "WEBSITE_SITE_NAME": "handover"}, False),
        ({"WEBSITE_AUTH_ENABLED": "perhaps", "WEBSITE_SITE_NAME": "handover"}, False),
        ({"WEBSITE_SITE_NAME": "handover"}, False),
        ({"WEBSITE_AUTH_ENABLED": "True"}, False),
    ],
)
def test_the_platform_is_believed_only_on_azure_and_when_it_says_so(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool
) -> None:
    for name in (*MARKS, "WEBSITE_SKU", "WEBSITE_AUTH_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert platform_signs_in() is expected
    assert World().services.sign_in.by_platform is expected
