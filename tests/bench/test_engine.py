"""Assessments of one record, by the number of rules: the engine as users have it, and `holds` alone beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from generated_packs import write_pack

from riskflags import Engine, Incident, Pack
from riskflags.case import Case
from riskflags.record import Names, Records

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
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


def test_holds_alone(benchmark: BenchmarkFixture, pack: Pack) -> None:
    names = Names.of(pack)

    def decide() -> int:
        records = Records(names, [INCIDENT], as_of=AS_OF)
        case = Case(next(iter(records)), records)
        (seat,) = case.seats(for_each=False)
        return sum(case.outcome(rule, seat).verdict == "fires" for rule in pack.rules)

    assert benchmark(decide)
