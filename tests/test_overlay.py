"""Overlays: parameters, lists and status for a deployment, whose it is and why, in any order, and never a condition."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from command_line import AS_OF, CASES, riskflags, rows

from riskflags import Pack, PackError, default_pack
from riskflags.shipped import default_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

HEAD = "owner: Safeguarding lead, North\nreason: Agreed by the partnership\n"


@pytest.fixture(name="overlay")
def overlay_file(tmp_path: Path) -> Write:
    """Return what writes an overlay."""

    def write(text: str, name: str = "north.yaml", head: str = HEAD) -> Path:
        (tmp_path / name).write_text(head + text, encoding="utf-8")
        return tmp_path / name

    return write


def loaded(*overlays: Path) -> Pack:
    return Pack.load(default_folder(), overlays=overlays)


def problems(*overlays: Path) -> list[tuple[str, int, str]]:
    with pytest.raises(PackError) as caught:
        loaded(*overlays)
    return [(one.code, one.place.line, one.message) for one in caught.value.problems if not one.is_warning]


def test_a_parameter_has_another_value_at_all_times_or_from_a_day(overlay: Write) -> None:
    pack = loaded(
        overlay("params:\n  repeat_missing_count: 4\n  repeat_missing_window: {value: 60 days, from: 2026-01-01}\n")
    )
    assert pack.params["repeat_missing_count"].on(date(2014, 1, 1)) == 4
    window = pack.params["repeat_missing_window"]
    assert [str(window.on(day)) for day in (date(2025, 12, 31), date(2026, 1, 1))] == ["90 days", "60 days"]
    assert pack.params["repeat_missing_count"].is_local


def test_a_list_takes_codes_in_and_leaves_others_out_and_so_do_lists_that_hold_it(overlay: Write) -> None:
    pack = loaded(overlay("lists:\n  cse_high_indicators: {add: [truancy], remove: [hotel]}\n"))
    assert pack.lists["cse_high_indicators"].values == (
        default_pack().lists["cse_high_indicators"].values - {"hotel"} | {"truancy"}
    )
    assert "truancy" in pack.lists["cse_single_indicators"].values


def test_a_rule_is_switched_off(overlay: Write) -> None:
    pack = loaded(overlay("status: {child-concern: retired}\n"))
    assert {rule.id: rule.status for rule in pack.rules}["child-concern"] == "retired"


def test_what_is_tuned_changes_the_digest_and_nothing_else_does(overlay: Write) -> None:
    assert (
        loaded(overlay("params: {repeat_missing_count: 3}\n")).params["repeat_missing_count"].on(date(2026, 1, 1)) == 3
    )
    assert loaded(overlay("")).digest == default_pack().digest
    assert loaded(overlay("params: {repeat_missing_count: 4}\n")).digest != default_pack().digest


def test_the_order_of_overlays_has_no_meaning(overlay: Write) -> None:
    files = [
        overlay("params: {repeat_missing_count: 4}\n", "a.yaml"),
        overlay("status: {child-concern: draft}\n", "b.yaml"),
    ]
    first, second = loaded(*files), loaded(*reversed(files))
    assert (first, first.digest, first.overlays) == (second, second.digest, second.overlays)


def test_two_overlays_that_touch_one_thing_are_refused(overlay: Write) -> None:
    files = [overlay("params: {repeat_missing_count: 4}\n", name) for name in ("a.yaml", "b.yaml")]
    assert problems(*files) == [("RF102", 3, "the parameter `repeat_missing_count` is changed by two overlays")]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("params: {repeat_mising_count: 4}\n", "RF101", 3),
        ("params: {repeat_missing_count: 4 days}\n", "RF020", 3),
        ("params: {repeat_missing_window: 4}\n", "RF020", 3),
        ("params: {repeat_missing_count: {from: 2026-01-01}}\n", "RF013", 3),
        ("lists: {family_link: {add: [friend]}}\n", "RF101", 3),
        ("lists: {family_links: {remove: [friend]}}\n", "RF101", 3),
        ("status: {child-worry: retired}\n", "RF101", 3),
        ("status: {child-concern: off}\n", "RF020", 3),
        ("conditions: {missing_child: {incident.type: missing_episode}}\n", "RF010", 3),
        ("rules: {child-concern: {when: {incident.type: other}}}\n", "RF010", 3),
    ],
)
def test_what_an_overlay_cannot_say_is_told_with_its_place(overlay: Write, text: str, code: str, line: int) -> None:
    assert [found[:2] for found in problems(overlay(text))] == [(code, line)]


def test_an_overlay_says_whose_it_is_and_why(overlay: Write) -> None:
    assert [code for code, *_ in problems(overlay("status: {child-concern: draft}\n", head=""))] == ["RF013", "RF013"]
    assert [code for code, *_ in problems(overlay("", head=""))] == ["RF001"]


def test_an_overlay_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert [code for code, *_ in problems(tmp_path / "none.yaml")] == ["RF002"]


@pytest.mark.parametrize("data", [b"", b"params: {a: [\n", b"owner: \xff\n"])
def test_an_overlay_that_is_not_yaml_has_one_problem(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "broken.yaml").write_bytes(data)
    assert [found[0] for found in problems(tmp_path / "broken.yaml")] == ["RF001"]


def test_a_run_with_an_overlay_says_so_and_comes_out_otherwise(overlay: Write, tmp_path: Path) -> None:
    file = overlay("params: {repeat_missing_count: 4}\n")
    before, after = tmp_path / "before", tmp_path / "after"
    files = sorted(CASES.glob("*.jsonl"))
    riskflags("run", *files, "--as-of", AS_OF, "--out", before)
    found = riskflags("run", *files, "--as-of", AS_OF, "--out", after, "--overlay", file)
    assert "  Tuned by Safeguarding lead, North: Agreed by the partnership." in found.stdout
    gone = [[row["rule_code"] for row in rows(folder, "flags")].count("M03") for folder in (before, after)]
    assert gone == [1, 0]
    summary = json.loads((after / "summary.json").read_text(encoding="utf-8"))
    assert summary["overlays"] == [{"owner": "Safeguarding lead, North", "reason": "Agreed by the partnership"}]
