"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE: `dev` is quick, `ci` repeatable, `nightly` long."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_NO_CLOCK = (HealthCheck.too_slow,)  # a busy machine is no defect

settings.register_profile("dev", max_examples=60, deadline=None, suppress_health_check=_NO_CLOCK)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=150, derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=5_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
