"""A plugin of pytest that collects the examples of a pack as tests, so that a force can test its rules in its own CI.

`pytest rules` collects every pack.yaml that is a riskflags pack below the folder; the setting `riskflags_packs` names
the folders of the packs to collect where not every one should be. Nothing of riskflags but this file is imported until
a pack is found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from riskflags.examples import ExampleResult, Tried
    from riskflags.pack import NamedCondition, Pack, Rule

N = TypeVar("N", bound=pytest.Collector | pytest.Item)
PACK = "pack.yaml"
SETTING = "riskflags_packs"
_MARKS = tuple(re.compile(rf"^{key}:", re.MULTILINE) for key in ("language", "event_time", "effective_by"))
"""Keys that tell the pack.yaml of a pack of rules from one of another tool."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that names the packs to collect."""
    words = "folders of riskflags packs to collect; without it, every pack that pytest comes upon"
    parser.addini(SETTING, words, type="paths", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a pack of rules."""
    if file_path.name != PACK:
        return None
    wanted: list[Path] = parent.config.getini(SETTING)
    if wanted and file_path.parent not in wanted:
        return None
    text = file_path.read_text(encoding="utf-8", errors="replace")
    return _made(PackFile, parent, path=file_path) if all(mark.search(text) for mark in _MARKS) else None


def _made(node: type[N], parent: pytest.Collector, **given: Any) -> N:
    untyped = cast("Any", node)  # pytest leaves the arguments untyped
    return cast("N", untyped.from_parent(parent, **given))


class PackFile(pytest.File):
    """A pack: a test for each example of a rule or of a named condition, and one for the coverage of each."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the tests; a pack that cannot be loaded is an error that tells every problem in it."""
        from riskflags.errors import PackError  # noqa: PLC0415 - only where a pack was found
        from riskflags.pack import Pack  # noqa: PLC0415

        try:
            pack = Pack.load(self.path.parent)
        except PackError as error:
            raise self.CollectError(str(error)) from None
        for owner in [*(rule.key for rule in pack.rules if rule.status != "retired"), *pack.conditions]:
            yield from self._of(pack, owner)

    def _of(self, pack: Pack, owner: str) -> Iterator[pytest.Item]:
        tried = _Trial(pack, owner)
        for number, name in enumerate(tried.names):
            yield _made(ExampleItem, self, name=f"{owner}::{name}", trial=tried, number=number)
        yield _made(CoverageItem, self, name=f"{owner}::coverage", trial=tried)


class _Trial:
    """The examples of one rule or named condition, run when the first of them is asked for."""

    def __init__(self, pack: Pack, owner: str) -> None:
        self._pack = pack
        self._owner = owner
        self._is_condition = owner in pack.conditions
        of_rules: dict[str, Rule | NamedCondition] = {rule.key: rule for rule in pack.rules}
        written = of_rules.get(owner) or pack.conditions[owner]
        self.names = tuple(example.name for example in written.examples)
        self.place = written.place
        self._tried: Tried | None = None

    @property
    def tried(self) -> Tried:
        """How they came out."""
        from riskflags.examples import try_condition, try_rule  # noqa: PLC0415 - only where a test is run

        if self._tried is None:
            run = try_condition if self._is_condition else try_rule
            self._tried = run(self._pack, self._owner)
        return self._tried


class Failed(Exception):  # noqa: N818 - a test that failed, not an error of this plugin
    """An example came out otherwise, or nothing shows a comparison both ways: `lines` tell it."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__(lines)
        self.lines = lines


class _Item(pytest.Item):
    """A test that is written in a rule: what it says when it fails is told without a traceback."""

    def __init__(self, *, trial: _Trial, **given: Any) -> None:
        super().__init__(**given)  # pyright: ignore[reportUnknownMemberType] - pytest leaves its arguments untyped
        self.trial = trial

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what to print of a failure."""
        failed = excinfo.value
        return "\n".join(failed.lines) if isinstance(failed, Failed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int, str]:
        """Return the file, the line counted from 0, and the name."""
        place = self.trial.place
        return place.path, place.line - 1, self.name


class ExampleItem(_Item):
    """One example."""

    def __init__(self, *, number: int, **given: Any) -> None:
        super().__init__(**given)  # pyright: ignore[reportUnknownMemberType] - pytest leaves its arguments untyped
        self._number = number

    def runtest(self) -> None:
        """Fail where the example came out otherwise."""
        from riskflags.report.failures import failure_lines  # noqa: PLC0415 - only where a test is run

        result: ExampleResult = self.trial.tried.results[self._number]
        if not result.passed:
            raise Failed(tuple(failure_lines(result)))


class CoverageItem(_Item):
    """Whether the examples of a rule or of a named condition have shown each of its comparisons both true and false."""

    def runtest(self) -> None:
        """Fail where a comparison was never shown both ways. A draft may still lack examples."""
        from riskflags.report.failures import gap_line  # noqa: PLC0415 - only where a test is run

        tried = self.trial.tried
        if not tried.is_covered and not tried.is_draft:
            raise Failed(tuple(gap_line(item) for item in tried.uncovered if not item.is_branch))
