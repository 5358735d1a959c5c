"""riskflags: incident records in; risk flags, required safeguarding actions and gaps out, each explained.

The public names are loaded when they are first used, so that `riskflags --help` need not wait for the models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from riskflags.assessment import Assessment, Flag, Requirement
    from riskflags.engine import Engine
    from riskflags.errors import EngineError, PackError, Problem, RecordError, RiskflagsError
    from riskflags.figures import Report
    from riskflags.incident import Incident
    from riskflags.intake import Intake, read
    from riskflags.pack import Pack
    from riskflags.shipped import default_pack

__all__ = [
    "Assessment", "Engine", "EngineError", "Flag", "Incident", "Intake", "Pack", "PackError", "Problem", "RecordError",
    "Report", "Requirement", "RiskflagsError", "default_pack", "read",
]  # fmt: skip
_HOMES = {
    "assessment": ("Assessment", "Flag", "Requirement"),
    "engine": ("Engine",),
    "figures": ("Report",),
    "errors": ("EngineError", "PackError", "Problem", "RecordError", "RiskflagsError"),
    "incident": ("Incident",),
    "intake": ("Intake", "read"),
    "pack": ("Pack",),
    "shipped": ("default_pack",),
}


def __getattr__(name: str) -> object:
    """Return a public name from the module that holds it."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        msg = f"module 'riskflags' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"riskflags.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
