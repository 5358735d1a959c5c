"""What users import, and what importing it does to their process."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

import riskflags
from riskflags import EngineError, PackError, Problem, RecordError, RiskflagsError
from riskflags.errors import Place

QUIET_IMPORT = """
import sys, threading
seen = []
def hook(event, args):
    if event.startswith("socket."):
        seen.append(event)
    if event == "open" and isinstance(args[0], str) and not args[0].endswith((".py", ".pyc", ".so", ".zip")):
        if "dist-info" not in args[0] and "egg-info" not in args[0]:
            seen.append(args[0])
sys.addaudithook(hook)
import riskflags
for name in riskflags.__all__:
    getattr(riskflags, name)
extras = {"typer", "rich", "ibis", "duckdb", "pyarrow", "jinja2", "matplotlib", "pandas", "durable_rules_engine"}
print(sorted(seen), sorted(extras & set(sys.modules)), threading.active_count())
"""


def test_the_public_names_are_these() -> None:
    assert sorted(riskflags.__all__) == [
        "Assessment", "Engine", "EngineError", "Flag", "Incident", "Intake", "Pack", "PackError", "Problem",
        "RecordError", "Report", "Requirement", "RiskflagsError", "default_pack", "read",
    ]  # fmt: skip
    assert all(getattr(riskflags, name) for name in riskflags.__all__)


def test_importing_it_opens_no_file_no_socket_no_thread_and_no_extra() -> None:
    done = subprocess.run([sys.executable, "-c", QUIET_IMPORT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] [] 1"


@pytest.mark.parametrize(
    "error",
    [
        RiskflagsError("x"),
        PackError((Problem(Place("rules/a.yaml", 3, 5), "RF010", "unknown key", "did you mean severity?"),)),
        RecordError("no header", Place("a.csv", 1), "save it as CSV"),
        EngineError("could not be imported"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_exception_survives_pickle_and_copy(error: RiskflagsError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):  # noqa: S301 - our own
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
