"""Long work in steps: between two of them whoever runs it may do other things; what is found is the same."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Yields after each step, and returns what it found."""


def finished(steps: Steps[T]) -> T:
    """What all steps find, taken at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: T = done.value
            return found
