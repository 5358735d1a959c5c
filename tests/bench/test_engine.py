"""Assessments of one record, by the number of rules, and of many by the shipped ones.

The engine as users have it stands beside `holds` alone. Of many records each takes as long as of few, within a third;
how long is in the extra info.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from generated_packs import write_pack

from riskflags import Engine, Incident, Pack, default_pack, read
from riskflags.case import Case
from riskflags.record import Names, Records
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
AFTER_ALL = datetime(2026, 6, 1, tzinfo=UTC)
INCIDENT = Incident.model_validate(
    {
        "incident.id": "BENCH-1",
        "incident.type": "online_contact",
        "incident.reported_at": "2026-02-14T10:00",
        "incident.indicators": ["debt"],
        "child.id": "BENCH-CHILD",
        "child.stated_age": 14,
        "child.in_care": False,
    }
)


@pytest.fixture(params=[10, 50, 200])
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    return Pack.load(write_pack(tmp_path / "pack", rules=request.param))


def test_assess(benchmark: BenchmarkFixture, pack: Pack) -> None:
    engine = Engine(pack)
    assessment = benchmark(engine.assess, INCIDENT, as_of=AS_OF)
    assert assessment.flags


@pytest.mark.parametrize("many", [1_000, 10_000])
def test_assess_many(benchmark: BenchmarkFixture, tmp_path: Path, many: int) -> None:
    if benchmark.disabled:
        pytest.skip("too long where nothing is timed")
    write_canonical(tmp_path / "generated.csv", rows=many, seed=7)
    incidents, engine = read(tmp_path / "generated.csv").incidents, Engine(default_pack())

    def flags() -> int:
        return sum(len(found.flags) for found in engine.assess_many(incidents, as_of=AFTER_ALL))

    benchmark.group = "generated records by the shipped rules"
    timed: Any = benchmark  # pedantic has no types
    assert timed.pedantic(flags, rounds=1) > many
    benchmark.extra_info["milliseconds a record"] = round(1_000 * timed.stats.stats.mean / many, 2)


def test_holds_alone(benchmark: BenchmarkFixture, pack: Pack) -> None:
    names = Names.of(pack)

    def decide() -> int:
        records = Records(names, [INCIDENT], as_of=AS_OF)
        case = Case(next(iter(records)), records)
        (seat,) = case.seats(for_each=False)
        return sum(case.outcome(rule, seat).verdict == "fires" for rule in pack.rules)

    assert benchmark(decide)
