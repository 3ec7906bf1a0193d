"""What came of one leg."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How it was."""

    WELL = "well"
    """It works."""
    DOUBTFUL = "doubtful"
    """It works; somebody should look."""
    FAILED = "failed"
    """It does not work."""
    LEFT_OUT = "left out"
    """It is not there, or could not be tried because of another one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        leg: its name.
        outcome: how it was.
        text: what was found, and what to do.
    """

    leg: str
    outcome: Outcome
    text: str


def well(leg: str, text: str) -> Finding:
    """It works."""
    return Finding(leg, Outcome.WELL, text)


def doubtful(leg: str, text: str) -> Finding:
    """It works; somebody should look."""
    return Finding(leg, Outcome.DOUBTFUL, text)


def failed(leg: str, text: str) -> Finding:
    """It does not work."""
    return Finding(leg, Outcome.FAILED, text)


def left_out(leg: str, text: str) -> Finding:
    """It is not there, or could not be tried."""
    return Finding(leg, Outcome.LEFT_OUT, text)
