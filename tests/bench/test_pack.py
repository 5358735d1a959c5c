"""Loading, checking and testing a pack, beside parsing the same files with PyYAML's C loader alone.

The bars: loading takes at most four times as long as parsing, and checking less than two seconds more.
`pytest tests/bench/test_pack.py` puts them side by side, each as a multiple of the fastest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from source_packs import TODAY
from varied_packs import write_varied_pack

from riskflags import Pack
from riskflags.examples import run_examples
from riskflags.lint import lint

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SHIPPED = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_varied_pack(tmp_path_factory.mktemp("varied") / "pack", rules=500)


def parsed_alone(folder: Path) -> int:
    """Read every file of a pack, as quickly as PyYAML can."""
    files = sorted(folder.rglob("*.yaml"))
    return len([yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader) for file in files])


@pytest.mark.benchmark(group="500 varied rules")
def test_load_500_varied_rules(benchmark: BenchmarkFixture, varied: Path) -> None:
    assert len(benchmark(Pack.load, varied).rules) == 500


@pytest.mark.benchmark(group="500 varied rules")
def test_parse_500_varied_rules_alone(benchmark: BenchmarkFixture, varied: Path) -> None:
    assert benchmark(parsed_alone, varied) == 504


@pytest.mark.benchmark(group="500 varied rules")
def test_check_500_varied_rules(benchmark: BenchmarkFixture, varied: Path) -> None:
    pack = Pack.load(varied)
    found = benchmark(lint, pack, today=TODAY)
    assert not any(problem.is_warning is False for problem in found)


@pytest.mark.benchmark(group="the shipped rules")
def test_load_the_shipped_rules(benchmark: BenchmarkFixture) -> None:
    assert benchmark(Pack.load, SHIPPED).rules


@pytest.mark.benchmark(group="the shipped rules")
def test_parse_the_shipped_rules_alone(benchmark: BenchmarkFixture) -> None:
    assert benchmark(parsed_alone, SHIPPED)


@pytest.mark.benchmark(group="500 varied rules")
def test_the_examples_of_500_varied_rules(benchmark: BenchmarkFixture, varied: Path) -> None:
    assert benchmark(run_examples, Pack.load(varied)).passed
