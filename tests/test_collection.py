"""A return of 5,000 children in three tables, a fifth of the rows of each damaged: nothing is lost."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from riskflags.intake import read
from riskflags.samples.generate import DAMAGES, Damaged, write_ssda903

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from riskflags.intake import Intake

CHILDREN, EPISODES, DAMAGED = 5_000, 10_000, 2_000
HEADER = ("CHILD", "SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB")
CARE = ("CHILD", "DECOM", "RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER", "DEC", "REC", "URN")
REJECTED = {"bad date", "end before start", "empty child id", "ragged line"}


class Collection(NamedTuple):
    """What was written, which rows of it are damaged, and what was read."""

    folder: Path
    missing: tuple[Damaged, ...]
    ragged: dict[str, set[int]]
    intake: Intake


@pytest.fixture(scope="module", name="collection")
def collection_of_5000(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("collection")
    missing = write_ssda903(folder / "missing.csv", rows=EPISODES, seed=903, damaged=DAMAGED)
    ragged = {
        "header.csv": damaged_table(folder / "header.csv", HEADER, [header_row(n) for n in range(1, CHILDREN + 1)]),
        "episodes.csv": damaged_table(folder / "episodes.csv", CARE, [care_row(n) for n in range(1, CHILDREN + 1)]),
    }
    files = (folder / "missing.csv", folder / "header.csv", folder / "episodes.csv")
    return Collection(folder, missing, ragged, read(*files, mapping="ssda903"))


def header_row(number: int) -> list[str]:
    return [f"SYN-C{number:05}", str(1 + number % 2), f"{1 + number % 28:02}/05/2011", "WBRI", "UN1", "", ""]


def care_row(number: int) -> list[str]:
    return [f"SYN-C{number:05}", "01/04/2024", "S", "C2", "N1", "K2", "PR1", "", "", f"SC{number:06}"]


def damaged_table(path: Path, header: Sequence[str], rows: list[list[str]]) -> set[int]:
    """Write a table in which each fifth row is damaged, in four kinds; return the numbers of those that are ragged."""
    ragged: set[int] = set()
    for number in range(5, len(rows) + 1, 5):
        row = rows[number - 1]
        match number // 5 % 4:
            case 0:
                row[0] = ""
            case 1:
                row[header.index("DOB" if "DOB" in header else "DECOM")] = "31/02/2011"
            case 2:
                row[header.index("SEX" if "SEX" in header else "LS")] = "??"
            case _:
                del row[2:]
                ragged.add(number)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return ragged


def test_every_row_of_every_table_is_counted_once(collection: Collection) -> None:
    counts = collection.intake.counts
    assert counts.read == EPISODES + 2 * CHILDREN
    assert counts.accepted + counts.warned + counts.rejected + counts.out_of_scope == counts.read


def test_every_damaged_episode_is_rejected_or_warned_of_and_no_other(collection: Collection) -> None:
    assert Counter(one.kind for one in collection.missing) == dict.fromkeys(DAMAGES, DAMAGED // len(DAMAGES))
    certain = {one.row for one in collection.missing if one.kind in REJECTED and not is_end_alone(one)}
    rejected = {one.source_row for one in collection.intake.rejects if one.source_file.endswith("missing.csv")}
    warned = {one.source_row for one in collection.intake.warnings if one.source_file.endswith("missing.csv")}
    assert rejected == certain
    assert {one.row for one in collection.missing} - rejected <= warned


def is_end_alone(one: Damaged) -> bool:
    """Return whether only the end of an episode is unreadable: it is read as absent, and the row stays."""
    return one.kind == "bad date" and one.column == "MIS_END"


def test_every_whole_episode_is_a_record(collection: Collection) -> None:
    """Counted by hand from the cells: an episode that stands in two rows is one record."""
    damaged = {one.row for one in collection.missing}
    with (collection.folder / "missing.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    whole = {f"903-{row[0]}-{row[2].upper()}-{row[3]}" for n, row in enumerate(rows, start=1) if n not in damaged}
    found = {one.incident.id for one in collection.intake.incidents}
    assert whole <= found
    assert len(found - whole) <= sum(one.kind in ("unknown code", "bad date") for one in collection.missing)


@pytest.mark.parametrize("name", ["header.csv", "episodes.csv"])
def test_every_ragged_row_of_a_joined_table_is_rejected_by_its_number(collection: Collection, name: str) -> None:
    rejects = [one for one in collection.intake.rejects if one.source_file.endswith(name)]
    assert {one.source_row for one in rejects if one.code == "ragged"} == collection.ragged[name]
    assert len(collection.ragged[name]) == CHILDREN // 20


def test_a_child_whose_row_in_the_header_is_whole_has_what_it_says(collection: Collection) -> None:
    """Sex comes from the header alone, and legal status from the episode of care that is in force."""
    sexes = {None: 0, "female": 0, "male": 0}
    for one in collection.intake.incidents:
        number = int((one.child.id or "")[-5:])
        sexes[one.child.sex] += 1
        if number % 5:
            assert one.child.sex == ("male", "female")[number % 2]
            assert (one.child.legal_status, one.child.placement_type) == ("C2", "K2")
    assert min(sexes["female"], sexes["male"]) > 1_000
