"""What a readiness check found, in a form that a machine can read as well: the case carries its last list of them."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    WRONG = "wrong"
    CANNOT_VERIFY = "cannot verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One precondition: what it is about, what was found, and how to mend it."""

    name: str
    verdict: Verdict
    found: str
    mend: str = ""
    of_tenant: bool = False
