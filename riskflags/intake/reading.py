"""From files to incidents: `read`, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.errors import Place, RecordError
from riskflags.incident import Incident
from riskflags.intake import canonical, json_lines
from riskflags.intake.account import Account, Counts, Reject, RowWarning
from riskflags.intake.assemble import Admitted, Material, assemble
from riskflags.intake.drafts import Reader
from riskflags.intake.mapped import MappedFiles
from riskflags.intake.tables import TextFile, find_text, is_json_lines
from riskflags.kinds import default_zone
from riskflags.mapping import load_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from riskflags.intake.canonical import Layout, SideName
    from riskflags.mapping import FileMapping


@dataclass(frozen=True, slots=True)
class FileRead:
    """How a file was read: its encoding, its delimiter (empty for JSON lines), and what it was taken for."""

    name: str
    encoding: str
    delimiter: str
    taken_for: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What the files hold: records with where they stand, rejected rows, warnings, and counts that add up."""

    admitted: tuple[Admitted, ...]
    rejects: tuple[Reject, ...]
    warnings: tuple[RowWarning, ...]
    counts: Counts
    files: tuple[FileRead, ...]

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The records, in the order of their first rows."""
        return tuple(found.incident for found in self.admitted)


def read(
    *paths: str | Path,
    mapping: str | Path | None = None,
    actions: str | Path | None = None,
    suspects: str | Path | None = None,
    markers: str | Path | None = None,
    record: type[Incident] = Incident,
    zone: ZoneInfo | None = None,
) -> Intake:
    """Return the records of files, and what became of every row of them.

    A file is canonical CSV (headers are field paths), JSON lines, or a table that the mapping knows; `mapping` is the
    name of a shipped mapping or a path. `actions`, `suspects` and `markers` are canonical CSV keyed by incident.id. `-`
    is standard input. Times without an offset are in `zone` (Europe/London), or in the mapping's own.

    RecordError where a file cannot be read at all, PackError for a mapping that is wrong; a bad row is never an error,
    but a reject or a warning.
    """
    if not paths:
        message = "read needs at least one path"
        raise TypeError(message)
    given: dict[SideName, str | Path | None] = {"actions": actions, "suspects": suspects, "markers": markers}
    _refuse_repeats([*paths, *(path for path in given.values() if path is not None)])
    loaded = None if mapping is None else load_mapping(mapping, record=record)
    reading = _Reading(loaded, Reader(record, zone or default_zone()), Account())
    reading.take_sides({side: path for side, path in given.items() if path is not None})
    reading.take(paths)
    admitted = assemble(reading.material, reading.reader, reading.account)
    account = reading.account
    return Intake(admitted, account.rejects(), account.warnings(), account.counts(), tuple(reading.files))


def _refuse_repeats(paths: Sequence[str | Path]) -> None:
    names = [str(path) for path in paths]
    if twice := next((name for name in names if names.count(name) > 1), None):
        message = "the file is given twice"
        raise RecordError(message, Place(twice), "give each file once: its rows would all be repeats")


class _Reading:
    """One call of `read`: what has been taken from the files so far."""

    def __init__(self, mapping: FileMapping | None, reader: Reader, account: Account) -> None:
        self.reader = reader
        self.account = account
        self.material = Material()
        self.files: list[FileRead] = []
        self._mapping = mapping
        self._sides: dict[SideName, Layout] = {}

    def take_sides(self, paths: Mapping[SideName, str | Path]) -> None:
        """Take the files of actions, suspects and markers."""
        for side, path in paths.items():
            layout = canonical.understand(find_text(path), self.reader.record, side=side)
            self._sides[side] = layout
            self._note(layout.file, layout.delimiter, side)
            canonical.warn_of_unknown(layout, self.account)
            self.material.add(canonical.sides_of(layout, side, self.reader, self.account))

    def take(self, paths: Iterable[str | Path]) -> None:
        """Take the files of records."""
        mapped = None if self._mapping is None else MappedFiles(self._mapping, self.reader, self.account)
        for path in paths:
            file = find_text(path, encodings=self._mapping.read.encodings) if self._mapping else find_text(path)
            self.account.see_file(file.name)
            if mapped is not None and (opened := mapped.identify(file)) is not None:
                self._note(file, opened.delimiter, opened.table.name)
            else:
                self._take_canonical(file)
        if mapped is not None:
            mapped.take_into(self.material, self._sides)

    def _take_canonical(self, file: TextFile) -> None:
        if is_json_lines(file):
            self._note(file, "", "JSON lines")
            self.material.add(json_lines.drafts(file, self.reader, self.account))
            return
        layout = canonical.understand(file, self.reader.record)
        self._note(file, layout.delimiter, "canonical CSV")
        canonical.warn_of_unknown(layout, self.account)
        holds = canonical.holds_of(layout, self._sides)
        self.material.add(canonical.drafts(layout, self.reader, holds, self.account))

    def _note(self, file: TextFile, delimiter: str, taken_for: str) -> None:
        self.files.append(FileRead(file.name, file.encoding, delimiter, taken_for))
