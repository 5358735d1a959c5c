"""Assessing one record among many of the same child, or of the same suspect: 10, 100, 1,000 and 10,000 of them.

`pytest tests/bench/test_look_ups.py` shows each as a multiple of the smallest. The bars: without `this.` no faster than
n log n, with `this.` no faster than the records that are looked at.
"""

from __future__ import annotations

import gc
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from small_pack import LONDON, engine_of

from riskflags import Engine, Incident

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SIZES = (10, 100, 1_000, 10_000)
FIRST = datetime(2024, 1, 1, 9, tzinfo=LONDON)
NOW = datetime(2026, 6, 1, 12, tzinfo=LONDON)
LOOK_UPS: dict[str, dict[str, Any]] = {
    "a count in a window": {"how_many": {"in": "records", "by": ["child.id"], "window": {"back": "90 days"}}},
    "a count of all": {
        "how_many": {
            "in": "records", "by": ["child.id"], "where": {"incident.type": "missing_episode"}, "window": "all",
        }
    },
    "a count with this": {
        "how_many": {
            "in": "records", "by": ["child.id"], "where": {"incident.team": {"is": {"field": "this.incident.team"}}},
            "window": "all",
        }
    },
    "the last three": {
        "how_many": {
            "in": "records", "by": ["child.id"], "window": {"last": 3, "of": {"incident.type": "missing_episode"}},
        }
    },
    "children of a suspect": {
        "how_many_different": {"in": "records", "of": "child.id", "by": ["suspect.id"], "window": "all"}
    },
}  # fmt: skip


@cache
def engine(name: str) -> Engine:
    for_each: dict[str, Any] = {"for_each": "suspects"} if "suspect" in name else {}
    return engine_of({"calc.n": {"label": name, **LOOK_UPS[name]}}, when={"calc.n": {"at_least": 2}}, **for_each)


@cache
def records(many: int) -> tuple[Incident, ...]:
    """Return records of one child and one suspect, an hour and a half apart."""
    return tuple(
        Incident.model_validate(
            {
                "incident.id": f"I{n}",
                "incident.type": "missing_episode",
                "incident.team": f"Team {n % 7}",
                "incident.reported_at": (FIRST + timedelta(minutes=90 * n)).isoformat(),
                "child.id": "C1",
                "suspects": [{"id": "S1"}],
            }
        )
        for n in range(many)
    )


@pytest.mark.parametrize("many", SIZES)
@pytest.mark.parametrize("name", LOOK_UPS)
def test_one_record_among_many(benchmark: BenchmarkFixture, name: str, many: int) -> None:
    benchmark.group = name
    every = records(many)
    gc.freeze()  # the records are the caller's: what the collector takes to walk over them is not the look-up's
    result = benchmark(engine(name).assess, every[-1], every, as_of=NOW)
    assert len(result.flags) == ("children" not in name)
