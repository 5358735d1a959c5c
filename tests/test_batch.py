"""The batch engine says what the record path says: every conformance case, random packs, and the shipped pack.

Each run decides many worlds together: records that see only each other, each world at an as_of and with rules of its
own.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from conformance_cases import FOLDER, checks_of, read, write_pack
from hypothesis import given, settings
from hypothesis import strategies as st
from incidents import MOMENTS, histories
from random_packs import packs
from small_pack import NOW, incident, small_pack

from riskflags import Engine, EngineError, Incident, Pack, default_pack
from riskflags.assessment import Caution
from riskflags.batch import World, assess_worlds
from riskflags.record import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from conformance_cases import Check

    from riskflags import Assessment

FEW = settings(max_examples=max(4, settings().max_examples // 15))
"""A batch is planned anew for every pack, which takes seconds."""


def of_rules(pack: Pack, keys: frozenset[str] | None) -> Pack:
    """Return the pack with some of its rules."""
    if keys is None:
        return pack
    layers = (tuple(key for key in layer if key in keys) for layer in pack.layers)
    rules = tuple(rule for rule in pack.rules if rule.key in keys)
    return replace(pack, rules=rules, layers=tuple(layer for layer in layers if layer))


def one_at_a_time(pack: Pack, world: World) -> list[Assessment]:
    engine = Engine(of_rules(pack, world.rules))
    return list(engine.assess_many(world.incidents, as_of=world.as_of, rejects=world.rejects, backend="record"))


def differences(pack: Pack, worlds: Sequence[World]) -> Iterator[str]:
    """Yield where a batch of worlds differs from deciding their records one at a time."""
    for number, (world, found) in enumerate(zip(worlds, assess_worlds(worlds, Names.of(pack), digest=""), strict=True)):
        for together, alone in zip(found, one_at_a_time(pack, world), strict=True):
            first, second = (one.model_dump(exclude={"pack_digest"}) for one in (together, alone))
            yield from (
                f"world {number}, {alone.incident_id}, {name}: {first[name]}, one at a time {second[name]}"
                for name in first
                if first[name] != second[name]
            )


# ---- conformance cases -----------------------------------------------------------------------------------------------

FILES = sorted(FOLDER.glob("*.yaml"))


@cache
def pack_of(path: Path) -> Pack:
    with TemporaryDirectory() as folder:
        write_pack(Path(folder), read(path))
        return Pack.load(folder).with_drafts()


def world_of(check: Check) -> World:
    incidents = [Incident.model_validate(data) for data in (check.record, *check.history)]
    return World(incidents, check.as_of, rules=frozenset(check.rules))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_conformance_case_comes_out_alike(path: Path) -> None:
    worlds = [world_of(check) for check in checks_of(path)]
    assert list(differences(pack_of(path), worlds)) == []


@pytest.mark.parametrize("name", ["Pacific/Auckland", "America/New_York"])
def test_records_of_another_timezone_come_out_alike(name: str) -> None:
    """Their days are not those of the pack, which counts days, months and school days in its own timezone."""
    path = FOLDER / "deadlines.yaml"
    context = {"timezone": ZoneInfo(name)}
    worlds = [
        World(
            [Incident.model_validate(data, context=context) for data in (check.record, *check.history)],
            check.as_of,
            rules=frozenset(check.rules),
        )
        for check in checks_of(path)
    ]
    assert list(differences(pack_of(path), worlds)) == []


def test_a_difference_is_noticed() -> None:
    path = FOLDER / "groups.yaml"
    worlds = [world_of(check) for check in checks_of(path)]
    rules = tuple(
        replace(rule, when=other.when)
        for rule, other in zip(pack_of(path).rules, reversed(pack_of(path).rules), strict=True)
    )
    wrong = assess_worlds(worlds, Names.of(replace(pack_of(path), rules=rules)), digest="")
    right = (one_at_a_time(pack_of(path), world) for world in worlds)
    assert any(
        a.flags != b.flags
        for first, second in zip(wrong, right, strict=True)
        for a, b in zip(first, second, strict=True)
    )


# ---- random packs ----------------------------------------------------------------------------------------------------


class Rejected:
    """A row that could not be read, with the id of a child."""

    def __init__(self, source_row: int, child_id: str | None) -> None:
        self.source_row = source_row
        self.child_id = child_id


WORLDS = st.lists(
    st.builds(
        World,
        histories(least=1, most=6),
        MOMENTS,
        st.lists(st.builds(Rejected, st.integers(1, 9), st.sampled_from(["C1", "C2", None])), max_size=2),
    ),
    min_size=6,
    max_size=12,
)


@FEW
@given(pack=packs(rules=6), worlds=WORLDS)
def test_random_packs_come_out_alike(pack: Pack, worlds: list[World]) -> None:
    assert list(differences(pack, worlds)) == []


@settings(max_examples=max(2, settings().max_examples // 75))
@given(worlds=WORLDS)
def test_the_shipped_pack_comes_out_alike(worlds: list[World]) -> None:
    assert list(differences(default_pack(), worlds)) == []


# ---- the public way in -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alike(few_incidents: list[Incident], as_of: datetime) -> dict[str, list[Assessment]]:
    """Return the assessments of a few incidents by each backend."""
    engine = Engine(default_pack())
    return {
        "record": list(engine.assess_many(few_incidents, as_of=as_of, backend="record")),
        "duckdb": list(engine.assess_many(few_incidents, as_of=as_of, backend="duckdb")),
    }


def test_the_backend_never_changes_an_answer(alike: dict[str, list[Assessment]]) -> None:
    assert alike["record"] == alike["duckdb"]


def last_records_in_layers(layers: int, each: int) -> Pack:
    """Return rules in layers, each with a window of last records of its own, where one event counts once."""
    derived: dict[str, Any] = {}
    rules: list[dict[str, Any]] = []
    of = {"incident.type": "missing_episode"}
    for layer, number in product(range(layers), range(each)):
        name, window = f"calc.last_{layer}_{number}", {"last": len(derived) + 1, "of": of}
        derived[name] = {"label": "Of the last", "how_many": {"in": "records", "by": ["child.id"], "window": window}}
        when: list[Any] = [{name: {"at_least": 1}}, *([{"flag": f"r{layer - 1}x0"}] if layer else [])]
        rules.append({"id": f"r{layer}x{number}", "code": f"R{layer}{number}", "when": {"all": when}})
    once = {"of": of, "by": ["child.id"], "from": "missing.last_seen_at", "to": "missing.located_at", "counted": "once"}
    with TemporaryDirectory() as folder:
        cases = [{"name": "layers", "rules": rules}]
        write_pack(Path(folder), {"duplicates": [once], "derived": derived, "cases": cases})
        return Pack.load(folder).with_drafts()


@pytest.mark.parametrize(("layers", "each"), [(2, 4), (3, 3)])
def test_each_window_of_last_records_has_tables_of_its_own(layers: int, each: int) -> None:
    pack = last_records_in_layers(layers, each)
    episodes = [
        incident(
            incident__id=f"I{day}",
            incident__type="missing_episode",
            missing__last_seen_at=f"2026-03-0{day}T09:00",
            missing__located_at=f"2026-03-0{day}T12:00",
        )
        for day in (1, 2, 3)
    ]
    assert list(differences(pack, [World(episodes, NOW)])) == []


def test_an_assessment_of_a_batch_explains_itself(alike: dict[str, list[Assessment]]) -> None:
    found, alone = (next(one for one in alike[way] if one.flags) for way in ("duckdb", "record"))
    code = found.flags[0].rule_code
    assert str(found.explain(code)) == str(alone.explain(code))


def test_a_record_that_comes_out_otherwise_one_at_a_time_is_an_error(
    few_incidents: list[Incident], as_of: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "riskflags.batch.assessments.record_cautions", lambda *_, **__: [Caution(code="x", field="y", message="z")]
    )
    with pytest.raises(EngineError, match="decided in a batch, its warnings differ"):
        list(Engine(small_pack()).assess_many(few_incidents, as_of=as_of, backend="duckdb"))


def test_a_batch_without_its_libraries_says_what_to_install(as_of: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"a batch needs duckdb. Install it with: pip install 'riskflags\[batch\]'"):
        Engine(default_pack()).assess_many([], as_of=as_of, backend="duckdb")


@pytest.fixture(scope="module")
def as_of() -> datetime:
    from datetime import datetime as moment  # noqa: PLC0415

    return moment(2026, 4, 1, 9, tzinfo=ZoneInfo("Europe/London"))


@pytest.fixture(scope="module")
def few_incidents(tmp_path_factory: pytest.TempPathFactory) -> list[Incident]:
    from riskflags import read as read_records  # noqa: PLC0415
    from riskflags.samples.generate import write_canonical  # noqa: PLC0415

    path = tmp_path_factory.mktemp("batch") / "incidents.csv"
    write_canonical(path, rows=300, seed=3)
    return list(read_records(path).incidents)
