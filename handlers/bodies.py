"""What a POST says in its body, and a GET in its query: one model each, read here and described by the OpenAPI document."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.domain.reasons import Reason
from shared.domain.states import CaseState
from shared.errors import BadInput

M = TypeVar("M", bound=BaseModel)
MOST_DAYS = 92
"""Of a report."""


def _storable(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text.strip()


Text = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S"), AfterValidator(_storable)]
Key = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^/\\#?\x00-\x1f\x7f-\x9f]*$")]
Beginning = Annotated[str, StringConstraints(max_length=320)]


class _Read(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, strict=True, defer_build=True
    )  # most processes read none of them


class Approve(_Read):
    """A yes to exactly one proposal."""

    proposal: Annotated[Text, Field(description="The hash that the case shows under to_approve.")]


class SayWhy(_Read):
    """Why it is done; it stands in the journal."""

    why: Text


class Nothing(_Read):
    """Nothing has to be said."""


class Freeze(_Read):
    """The switch."""

    frozen: Annotated[bool, Field(description="true: no wipe is sent any more. false: wipes go on.")]
    why: Text


class Replay(_Read):
    """Put a message on its queue again."""

    body: Annotated[
        str | dict[str, Any] | None, Field(description="Only if it had to be mended: a text, or a JSON object.")
    ] = None


class Paged(_Read):
    """A page of a list."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=False)

    after: Annotated[Key, Field(description="The next of the page before.")] = ""
    most: Annotated[int, Field(ge=1, le=100, description="So many at most.")] = 50


class ListCases(Paged):
    """Which cases to list."""

    which: Annotated[
        Literal["all", "open", "ended"], Field(description="Open cases, those that ended in the month, or both.")
    ] = "all"
    month: Annotated[
        str | None,
        StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$"),
        Field(description="The month of those that ended; this one if it is not named."),
    ] = None
    state: CaseState | None = None
    reason: Reason | None = None
    serial: Annotated[Beginning, Field(description="What the serial number begins with.")] = ""
    device: Annotated[Beginning, Field(description="What the device's name begins with.")] = ""
    user: Annotated[Beginning, Field(description="What the owner's UPN begins with, or the owner's id.")] = ""


class ListParked(_Read):
    """Which set-aside messages to list."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=False)

    source: Literal["device-events", "hints", "case-steps", "wipe-steps", "notices", "intune-logs"] | None = None
    after: Annotated[Key, Field(description="The next of the page before.")] = ""
    settled: Annotated[Literal["true", "false"], Field(description="true: those that somebody settled already.")] = (
        "false"
    )


class ShowReport(_Read):
    """Of which days, in which form."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=False)

    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 7
    format: Annotated[
        Literal["json", "markdown", "html"] | None, Field(description="What Accept asks for, or json, if not named.")
    ] = None


def read(model: type[M], given: Mapping[str, object]) -> M:
    """What was said. Raises BadInput, which names the field and never repeats what was in it."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise BadInput(f'"{where}": {first["msg"]}') from None
