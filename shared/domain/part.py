"""The parts that one code base is deployed as, so that no identity may do more than its part needs (docs/adr/0009)."""

from enum import StrEnum


class Part(StrEnum):
    """Which part this process is. infra/ decides which functions run in it."""

    SINGLE = "single"
    """Everything in one app."""
    INTAKE = "intake"
    """The webhook. It stores hints, and never calls Microsoft Graph."""
    WORKER = "worker"
    """Everything but the webhook and the wipe."""
    WIPER = "wiper"
    """The last look at a device and its wipe."""
