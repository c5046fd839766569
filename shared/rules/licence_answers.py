"""What Microsoft Entra says when a licence cannot be given: each answer has a reason and a sentence of its own.

A direct assignment is refused at once, with a text; a group's is written on the user, as a word. Source of the words:
``error`` of licenseAssignmentState, and "Identify and resolve licensing assignment problems for a group".
"""

from shared.domain.case import Decision, Evidence
from shared.domain.reasons import Reason
from shared.rules.decisions import ask_person

_NO_SEAT = ("available licenses", "countviolation", "not enough licenses")


def no_seat(answer: str) -> bool:
    """The answer says that no seat is left: nothing is wrong that a seat would not mend."""
    return any(sign in answer.lower() for sign in _NO_SEAT)


def ask_about(answer: str, so_far: str, *, evidence: Evidence | None = None) -> Decision:
    """Ask a person about a refusal; ``so_far`` is one sentence on what was tried."""
    refusal = refused(answer, so_far)
    return ask_person(*refusal, evidence=evidence, licence=None)


def refused(answer: str, so_far: str) -> tuple[Reason, str]:
    """The reason that an answer is, by signs in it, and the whole sentence; first come the signs that are most certain."""
    text = answer.lower()
    kinds = (
        (
            ("prohibitedinusagelocationviolation", "not allowed in", "prohibited", "not available in"),
            Reason.USAGE_LOCATION_PROHIBITED,
            "a service in it is not offered in the user's usage location",
        ),
        (("usage location",), Reason.USAGE_LOCATION_MISSING, "the user has no valid usage location"),
        (
            ("mutuallyexclusiveviolation", "mutually exclusive", "conflicting service plan"),
            Reason.LICENCE_PLANS_EXCLUSIVE,
            "a plan in it and one that the user already has exclude each other",
        ),
        (
            ("dependencyviolation", "depends on", "dependent service plan", "dependencies"),
            Reason.LICENCE_PLANS_DEPEND,
            "a plan needs another one that the user does not have, or would not have any more",
        ),
        (
            ("inherited from a group",),
            Reason.LICENCE_INHERITED,
            "the licence to be taken comes from a group and can only be taken there",
        ),
        (
            ("uniquenessviolation", "proxy address"),
            Reason.LICENCE_NOT_UNIQUE,
            "another user has the same proxy address, so no mailbox can be made",
        ),
    )
    said = f"Microsoft Entra said: {answer or 'nothing'}"
    for signs, reason, why in kinds:
        if any(sign in text for sign in signs):
            return reason, f"{so_far}: {why}. {said}"
    return Reason.LICENCE_REFUSED, f"{so_far}. {said}"
