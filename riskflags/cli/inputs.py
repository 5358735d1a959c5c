"""What the options of a command name: the pack, the model of the record, the moment, and the records."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.cli.exits import Refused
from riskflags.fields import catalogue
from riskflags.incident import Incident
from riskflags.intake import Intake, read
from riskflags.kinds import parse_moment
from riskflags.pack import Pack
from riskflags.shipped import default_folder
from riskflags.words import moment_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of a command, and how they are read."""

    files: tuple[str, ...]
    mapping: str | None = None
    actions: str | None = None
    suspects: str | None = None
    markers: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms records are assessed: the rules, the moment, and the model of the record."""

    rules: Path | None = None
    as_of: str | None = None
    record: str | None = None
    drafts: bool = False
    show_personal: bool = False
    overlays: tuple[Path, ...] = ()

    def pack(self) -> Pack:
        """Return the pack that was asked for."""
        pack = load_pack(self.rules, record=self.record, overlays=self.overlays)
        return pack.with_drafts() if self.drafts else pack


def load_pack(folder: Path | None, *, record: str | None, overlays: Sequence[Path] = ()) -> Pack:
    """Return the pack of a folder, or the shipped one, as overlays tune it. PackError carries every problem."""
    path = shortest(folder if folder is not None else default_folder())
    return Pack.load(path, record=record_model(record), overlays=overlays)


def shortest(path: Path) -> Path:
    """Return a path as it is shortest to read: from the current folder where it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path


def record_model(name: str | None) -> type[Incident]:
    """Return the model that "module:Class" names, looked for in the current folder too; Incident without a name."""
    if name is None:
        return Incident
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise Refused(f"--record {name}: write module:Class, such as my_records:MyIncident")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        model = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, SyntaxError, NameError, TypeError, ValueError) as error:
        raise Refused(f"--record {name}: {error}") from error
    if not (isinstance(model, type) and issubclass(model, Incident)):
        raise Refused(f"--record {name}: {class_name} is not a subclass of riskflags.Incident")
    try:
        catalogue(model)
    except TypeError as error:
        raise Refused(f"--record {name}: {error}") from error
    return model


def moment_of(text: str | None, *, zone: ZoneInfo) -> datetime:
    """Return the moment that --as-of names, in the zone of the pack; now without one."""
    if text is None:
        return datetime.now(zone).replace(microsecond=0)
    try:
        moment = parse_moment(text, zone=zone)
    except ValueError as error:
        raise Refused(f"--as-of {text}: {error}") from error
    if "T" not in moment.local:
        raise Refused(f"--as-of {text}: add a time of day, such as {text}T17:00")
    if not moment.is_exact:
        raise Refused(f"--as-of {text}: the clocks show this time twice: add an offset, such as +01:00")
    return moment_at(moment.earliest, zone)


def read_records(inputs: Inputs, *, record: type[Incident], zone: ZoneInfo) -> Intake:
    """Return what intake makes of the files. RecordError where one cannot be read at all."""
    others: Mapping[str, str | None] = {
        "mapping": inputs.mapping,
        "actions": inputs.actions,
        "suspects": inputs.suspects,
        "markers": inputs.markers,
    }
    return read(*inputs.files, record=record, zone=zone, **others)
