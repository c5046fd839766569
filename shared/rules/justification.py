"""What Intune shows to the second administrator about a wipe: the facts of the case, in a bounded text without secrets."""

from shared.domain.case import Case

MOST_CHARACTERS = 900
"""The headers of a request have to stay small, and a person has to read it."""
_MOST_OF_A_FACT = 120


def justification(case: Case) -> str:
    """The text that goes with the wipe, the same for the same case. What finds it again stands first and is never cut."""
    device, owner, attempt = case.device, case.owner, case.wipe
    assert device is not None and owner is not None and attempt is not None
    said = (
        mark_of(case),
        f"Factory reset of {_fact(device.name)}, serial number {_fact(device.serial_number)}",
        f"for its owner {_fact(owner.display_name)} ({_fact(owner.user_principal_name)})",
        f"Why: enrolled by {_fact(device.enrolment_user or 'another account')}, and not compliant; ready to enrol again under its owner",
        f"Approved in Handover by {_fact(attempt.allowed_by)}",
        f"Case {case.id}",
    )
    text = ". ".join(said) + "."
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def mark_of(case: Case) -> str:
    """What only a request of this very attempt contains."""
    assert case.device is not None and case.wipe is not None
    return f"{mark_of_device(case)} attempt {case.wipe.nonce}"


def mark_of_device(case: Case) -> str:
    """What only a request of Handover's for this enrolment contains."""
    assert case.device is not None
    return f"Handover: Intune device {case.device.managed_device_id.lower()}"


def _fact(text: str) -> str:
    kept = "".join(each if each.isprintable() else " " for each in text).strip()
    return kept if len(kept) <= _MOST_OF_A_FACT else kept[: _MOST_OF_A_FACT - 1] + "…"
