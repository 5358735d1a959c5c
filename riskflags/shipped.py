"""The pack that comes with the library, from a checkout or from an installed wheel, and the library's version."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from riskflags.errors import PackError, Place, Problem
from riskflags.incident import Incident
from riskflags.pack import Pack


def default_pack(*, record: type[Incident] = Incident) -> Pack:
    """Return the shipped pack. `record` is the model of its records, where a system adds fields of its own."""
    return Pack.load(default_folder(), record=record)


def default_folder() -> Path:
    """Return the folder of the shipped pack. PackError where the installation has lost it.

    A checkout comes first: an installed copy beside it would be stale.
    """
    package = Path(__file__).resolve().parent
    for folder in (package.parent / "rules", package / "rules"):
        if (folder / "pack.yaml").is_file():
            return folder
    message = "the shipped rules are missing from this installation"
    raise PackError((Problem(Place(str(package)), "RF001", message, "install riskflags again"),))


def library_version() -> str:
    """Return the version of this library; "unknown" where it runs without being installed."""
    try:
        return metadata.version("riskflags")
    except metadata.PackageNotFoundError:
        return "unknown"
