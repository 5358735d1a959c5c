"""A batch on Spark says what one record after another says, and leaves the session of the caller as it is.

Spark takes about a second for a statement: most of it is left to the profile `nightly`.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import spark_sessions
from command_line import riskflags
from conformance_cases import FOLDER, checks_of, write_pack
from hypothesis import given, settings
from random_packs import packs
from small_pack import LONDON
from spark_sessions import MASTER
from test_batch import WORLDS, one_at_a_time, pack_of, world_of
from test_run_at_once import rows_of

from riskflags import Engine, EngineError, Incident, Pack, default_pack, read
from riskflags.batch import World, assess_worlds
from riskflags.batch.spark import SETTINGS, session_of
from riskflags.record import Names
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from riskflags.batch import SparkStore

pytestmark = spark_sessions.needs_spark
IS_NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
nightly = pytest.mark.skipif(not IS_NIGHT, reason="takes minutes: HYPOTHESIS_PROFILE=nightly runs it")
ALWAYS = ("as_of",)
FILES = [
    pytest.param(path, id=path.stem, marks=[] if path.stem in ALWAYS else nightly)
    for path in sorted(FOLDER.glob("*.yaml"))
]


@pytest.fixture
def store() -> Iterator[SparkStore]:
    yield from spark_sessions.store()


def differences(pack: Pack, worlds: Sequence[World], store: SparkStore) -> Iterator[str]:
    """Yield where a batch of worlds on Spark differs from deciding their records one at a time."""
    found = assess_worlds(worlds, Names.of(pack), digest="", spark=store)
    for number, (world, assessments) in enumerate(zip(worlds, found, strict=True)):
        for together, alone in zip(assessments, one_at_a_time(pack, world), strict=True):
            first, second = (one.model_dump(exclude={"pack_digest"}) for one in (together, alone))
            yield from (
                f"world {number}, {alone.incident_id}, {name}: {first[name]}, one at a time {second[name]}"
                for name in first
                if first[name] != second[name]
            )


@pytest.mark.parametrize("path", FILES)
def test_every_conformance_case_comes_out_alike(path: Path, store: SparkStore) -> None:
    worlds = [world_of(check) for check in checks_of(path)]
    assert list(differences(pack_of(path), worlds, store)) == []


@nightly
@settings(max_examples=5)
@given(pack=packs(rules=6), worlds=WORLDS)
def test_random_packs_come_out_alike(pack: Pack, worlds: list[World]) -> None:
    for store in spark_sessions.store():
        assert list(differences(pack, worlds, store)) == []


@nightly
@settings(max_examples=1)
@given(worlds=WORLDS)
def test_the_shipped_pack_comes_out_alike(worlds: list[World]) -> None:
    for store in spark_sessions.store():
        assert list(differences(default_pack(), worlds, store)) == []


# ---- the public ways in ----------------------------------------------------------------------------------------------

AS_OF = "2026-01-15T09:00"
PACK: dict[str, Any] = {
    "derived": {
        "calc.records": {
            "label": "Records",
            "how_many": {"in": "records", "by": ["child.id"], "window": {"back": "90 days"}},
        },
    },
    "actions": {"see_child": {"core": True}},
    "cases": [
        {
            "rules": [
                {
                    "id": "repeat", "code": "R1", "when": {"calc.records": {"at_least": 2}}, "severity": "high",
                    "message": "{calc.records} records, one of {child.id}'s \\ {missing.risk_level}",
                    "requires": ["see_child"],
                },
                {"id": "stranger", "code": "S1", "for_each": "suspects", "when": {"suspect.relationship": "stranger"}},
            ]
        }
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    write_pack(folder, PACK)
    return folder


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("extract") / "incidents.csv"
    write_canonical(path, rows=120, seed=7)
    return path


def run(extract: Path, rules: Path, out: Path, *more: str) -> tuple[str, int]:
    """Return what a run prints, and its exit code."""
    options = ["--rules", str(rules), "--drafts", "--as-of", AS_OF, "--out", str(out), "--verify", "5", *more]
    done = riskflags("run", str(extract), *options)
    assert done.exit_code == 0, done.stderr
    return done.stdout.replace(str(out), "OUT"), done.exit_code


def files_of(out: Path) -> dict[str, Any]:
    """Return what the files of a run hold, but for the name of its backend."""
    found: dict[str, Any] = {path.name: rows_of(path) for path in out.iterdir() if path.name != "summary.json"}
    found["summary"] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    del found["summary"]["backend"]
    return found


def test_a_run_writes_the_files_of_a_run_in_the_process(
    extract: Path, rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    forms = ["csv", "jsonl", "parquet"] if IS_NIGHT else ["csv"]
    for form in forms:
        alone, together = tmp_path / f"duckdb {form}", tmp_path / f"spark {form}"
        first = run(extract, rules, alone, "--backend", "duckdb", "--format", form)
        second = run(extract, rules, together, "--backend", "spark", "--master", MASTER, "--format", form)
        assert first == second
        assert files_of(alone) == files_of(together)
    assert len(rows_of(tmp_path / "spark csv" / "flags.csv")) > 1
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_session_of_the_caller_stays_as_it_is(extract: Path, rules: Path) -> None:
    session = session_of(MASTER)
    wrong = {"spark.sql.ansi.enabled": "false", "spark.sql.session.timeZone": "Asia/Tokyo"}
    wrong |= {"spark.sql.variable.substitute": "true", "spark.sql.parser.escapedStringLiterals": "true"}
    wrong |= {"spark.sql.caseSensitive": "true", "spark.sql.ansi.doubleQuotedIdentifiers": "false"}
    before = {name: session.conf.get(name) for name in SETTINGS}
    for name, value in wrong.items():
        session.conf.set(name, value)
    try:
        engine = Engine(Pack.load(rules).with_drafts())
        incidents: list[Incident] = list(read(extract).incidents)[:40]
        as_of = datetime(2026, 1, 15, 9, tzinfo=LONDON)
        first, second = (
            list(engine.assess_many(incidents, as_of=as_of, backend=one, verify=0)) for one in ("record", "spark")
        )
        assert first == second
        assert {name: session.conf.get(name) for name in SETTINGS} == before | wrong
        assert session_of() is session
        assert session.catalog.listTables() == []
    finally:
        for name in wrong:
            session.conf.set(name, before[name])


def test_a_session_that_runs_elsewhere_is_not_taken() -> None:
    session_of(MASTER)
    with pytest.raises(EngineError, match=r"Spark runs on local\[2\] already, not on local\[7\]"):
        session_of("local[7]")


def test_a_statement_that_fails_is_an_error_and_not_a_missing_row(store: SparkStore) -> None:
    store.take("numbers", pa.table({"n": pa.array([1, 2**62], pa.int64())}), {"n": "int64"})
    numbers = store.table("numbers")
    store.make("doubled", numbers.select(n=numbers["n"] * 4))
    with pytest.raises(Exception, match="ARITHMETIC_OVERFLOW"):
        store.rows(store.table("doubled"))
