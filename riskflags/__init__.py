"""riskflags: incident records in; risk flags, required safeguarding actions and gaps out, each explained."""

from riskflags.assessment import Assessment, Flag, Requirement
from riskflags.engine import Engine
from riskflags.errors import EngineError, PackError, Problem, RecordError, RiskflagsError
from riskflags.incident import Incident
from riskflags.intake import Intake, read
from riskflags.pack import Pack
from riskflags.shipped import default_pack

__all__ = [
    "Assessment", "Engine", "EngineError", "Flag", "Incident", "Intake", "Pack", "PackError", "Problem", "RecordError",
    "Requirement", "RiskflagsError", "default_pack", "read",
]  # fmt: skip
