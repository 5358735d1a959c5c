"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE: `dev` is quick, `ci` repeatable, `nightly` long."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_CLOCK = (HealthCheck.too_slow,)  # a busy machine is no defect

settings.register_profile("dev", max_examples=60, deadline=None, suppress_health_check=_NO_CLOCK)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=150, derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=5_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt a test, also where the tests run in the background: there a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
