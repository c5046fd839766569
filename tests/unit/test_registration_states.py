"""How far a PC has come, and when Intune shows it."""

from shared.domain.registration import Progress


def test_only_a_registered_or_ready_pc_shows_in_intune() -> None:
    assert {state for state in Progress if state.at_intune} == {Progress.REGISTERED, Progress.READY}
