"""The packs that loading is measured on are packs as authors write them: nothing is wrong, and examples cover them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from varied_packs import SHAPES, write_varied_pack

from riskflags import Pack
from riskflags.examples import run_examples

if TYPE_CHECKING:
    from pathlib import Path


def test_the_examples_of_a_varied_pack_pass_and_cover_it(tmp_path: Path) -> None:
    pack = Pack.load(write_varied_pack(tmp_path, rules=4 * len(SHAPES)))
    report = run_examples(pack)
    assert pack.warnings == ()
    assert [(result.owner, result.name, result.differences) for result in report.results if not result.passed] == []
    assert report.uncovered == ()
