"""The files of a pack: found in a stable order, read within limits, and parsed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.errors import Place
from riskflags.source.nodes import MOST_BYTES, MapNode, Node, parse
from riskflags.source.problems import clean, listed, quoted
from riskflags.source.rules import RuleFile
from riskflags.source.shape import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.source.problems import Problems

NAMES = ("pack.yaml", "vocabulary.yaml", "actions.yaml", "sources.yaml")
_MOST_FILES = 2_000
_MOST_TOTAL = 64 << 20


@dataclass(frozen=True, slots=True)
class PackFile:
    """One of the files of a pack that are no rules. `is_read` is False where it is there and could not be read."""

    path: str
    node: MapNode | None
    is_read: bool


@dataclass(frozen=True, slots=True)
class Files:
    """Everything that stands in the folder of a pack."""

    named: dict[str, PackFile]
    rules: tuple[RuleFile, ...]


def read_files(folder: Path, shown: str, problems: Problems) -> Files | None:
    """Return the files of a pack with their paths as shown; None where the folder is no pack, which is reported."""
    if not (folder / NAMES[0]).is_file():
        what = "no file pack.yaml in this folder" if folder.is_dir() else "no such folder"
        problems.report("RF002", Place(shown), what, "name the folder of a pack: the one that pack.yaml is in")
        return None
    reader = _Reader(folder, shown, problems)
    found = sorted(_walk(folder))
    if len(found) > _MOST_FILES:
        problems.report("RF002", Place(shown), f"more than {_MOST_FILES:,} files", "keep other files elsewhere")
        return None
    named = {name: reader.named(name) for name in NAMES}
    rules = tuple(reader.rule(path) for path in found if reader.is_rule(path))
    return Files(named, rules)


def _walk(folder: Path) -> Iterator[str]:
    """Yield the path of each file below a folder, with / and from the folder on; hidden ones are passed over."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith("."):
                yield Path(root, name).relative_to(folder).as_posix()


class _Reader:
    """Reads files below one folder, up to a limit for all of them."""

    def __init__(self, folder: Path, shown: str, problems: Problems) -> None:
        self._folder = folder
        self._shown = shown
        self._problems = problems
        self._left = _MOST_TOTAL

    def named(self, name: str) -> PackFile:
        """Return pack.yaml, vocabulary.yaml, actions.yaml or sources.yaml; only the first must be there."""
        path = self._path(name)
        if not (self._folder / name).exists():
            return PackFile(path, None, is_read=True)
        before = len(self._problems)
        node = self._parse(name)
        if node is not None and not isinstance(node, MapNode):
            self._problems.report("RF020", node.place, f"{name} has keys with values", "write key: value, one a line")
        if node is None and name == NAMES[0] and len(self._problems) == before:
            needed = listed(key for key, expected in SHAPES[name].items() if expected.missing)
            self._problems.report("RF001", Place(path), "the file is empty", f"write at least {needed}")
        found = node if isinstance(node, MapNode) else None
        return PackFile(path, found, is_read=found is not None or len(self._problems) == before)

    def is_rule(self, path: str) -> bool:
        """Return whether a file is a rule's; a file that looks like one and is not is reported."""
        folder, _, name = path.rpartition("/")
        if path in NAMES or not name.lower().endswith((".yaml", ".yml")):
            return False
        place = Place(self._path(path))
        if not name.endswith(".yaml"):
            self._problems.report(
                "RF002", place, "only files that end in .yaml are read", f"name it {name.rpartition('.')[0]}.yaml"
            )
            return False
        if not folder:
            near = self._problems.nearest(name, NAMES)
            hint = f"did you mean {near}? " if near else ""
            hint += "A rule stands in the folder of its family: missing/repeat-missing.yaml"
            self._problems.report("RF002", place, f"{quoted(name)} is no file of a pack", hint)
            return False
        return True

    def rule(self, path: str) -> RuleFile:
        """Return the file of a rule."""
        stem = path.rpartition("/")[2].removesuffix(".yaml")
        before = len(self._problems)
        node = self._parse(path)
        if node is None and len(self._problems) == before:
            self._problems.report("RF001", Place(self._path(path)), "the file is empty", "write a rule, or delete it")
        return RuleFile(self._path(path), stem, node)

    def _path(self, path: str) -> str:
        folder = "" if self._shown == "." else f"{self._shown.rstrip('/')}/"
        return clean(f"{folder}{path}")

    def _parse(self, path: str) -> Node | None:
        data = self._read(path)
        if data is None:
            return None
        self._left -= len(data)
        if self._left < 0:
            limit = f"the files of a pack are at most {_MOST_TOTAL >> 20} MiB together"
            self._problems.report("RF002", Place(self._path(path)), "too much to read", limit)
            return None
        return parse(data, self._path(path), self._problems)

    def _read(self, path: str) -> bytes | None:
        where = self._folder / path
        if not where.is_file():
            self._problems.report("RF002", Place(self._path(path)), "not a file", "put a file of text in its place")
            return None
        try:
            with where.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            self._problems.report("RF002", Place(self._path(path)), f"the file cannot be read: {reason}")
            return None
