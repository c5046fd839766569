"""Structured log events (being written)."""

import logging


def event(logger: logging.Logger, name: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log one event with its fields."""
    logger.log(level, "%s %s", name, fields)


def set_up_logging() -> None:
    """Nothing yet."""
