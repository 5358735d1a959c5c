"""How tests run commands, and read what they wrote."""

from __future__ import annotations

import csv
import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from typer.testing import CliRunner

import riskflags as package
from riskflags.cli import inputs
from riskflags.cli.app import app
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.testing import Result

    from riskflags import Pack

CASES = Path(package.__file__).parent / "samples" / "cases"
AS_OF = "2025-10-16T09:00"
MORE = """
from pydantic import Field
from riskflags import Incident
from riskflags.incident import Child
from riskflags.kinds import Decimal6
class MyChild(Child):
    shoe_size: Decimal6 = Field(None, description="Shoe size")
class MyIncident(Incident):
    child: MyChild = MyChild()
"""
"""A module with a model of the record that has one field more."""
load_pack = inputs.load_pack
shipped_pack = functools.cache(lambda: load_pack(None, record=None))


def _load(folder: Path | None, *, record: str | None, overlays: Sequence[Path] = ()) -> Pack:
    is_shipped = folder is None and record is None and not overlays
    return shipped_pack() if is_shipped else load_pack(folder, record=record, overlays=overlays)


def riskflags(*args: str | Path, stdin: str | None = None, env: dict[str, str | None] | None = None) -> Result:
    """Run a command in this process. The shipped pack is loaded once: each time would take longer than all the rest."""
    with patch.object(inputs, "load_pack", _load):
        return CliRunner(env=env).invoke(app, [str(arg) for arg in args], input=stdin)


def in_a_process(*args: str | Path, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "riskflags", *map(str, args)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=cwd)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return found


def copied_pack(folder: Path) -> Path:
    return Path(shutil.copytree(default_folder(), folder / "pack"))
