"""The command line. Importable without its libraries, so that it can say what to install."""

from __future__ import annotations

import importlib.util
import sys

_NEEDED = ("typer", "rich")


def main() -> int:
    """Run the command line on the arguments of the process; return the exit code."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        sys.stderr.write(f"riskflags: the command line needs {needs}. Install it with: pip install 'riskflags[cli]'\n")
        return 4
    from riskflags.cli.app import commands  # noqa: PLC0415 - needs typer

    return commands()
