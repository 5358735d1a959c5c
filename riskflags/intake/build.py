"""The rows of one incident and child made one record, or the reason for each row why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from riskflags.intake.account import Defect, RowPlace
from riskflags.intake.drafts import Draft, Reader, Side, refusal
from riskflags.intake.merge import (
    Placed,
    all_held,
    check_person,
    event_day,
    filled_in,
    merged,
    merged_items,
    why_rejected,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.incident import Facts, Incident

Key = tuple[str, str | None]


@dataclass(slots=True)
class RecordRows:
    """The rows of one incident and child: at least one of its own, and those of lists that belong to it.

    `repeats` are rows that say the same as one of `drafts`, each with the row that it repeats.
    """

    key: Key
    drafts: list[Draft] = field(default_factory=list[Draft])
    repeats: list[tuple[Draft, RowPlace]] = field(default_factory=list[tuple[Draft, RowPlace]])
    sides: list[Side] = field(default_factory=list[Side])


@dataclass(frozen=True, slots=True)
class Built:
    """The record, or for each of its rows why there is none; and what is doubtful about its values."""

    incident: Incident | None
    rejected: tuple[Defect, ...]
    doubts: tuple[Defect, ...]


def build(rows: RecordRows, reader: Reader, children: Mapping[str, Facts]) -> Built:
    """Return what the rows make. `children` fill in what is absent of a child, by its id."""
    groups, doubts = _groups(rows, reader)
    rejected = why_rejected(groups, rows.drafts, doubts)
    if rejected:
        return Built(None, tuple(rejected), tuple(doubts))
    if (known := children.get(rows.key[1] or "")) is not None:
        groups["child"] = filled_in(groups["child"], known)
    lists, disagreed = _lists(rows, reader)
    people = _check_people(groups, lists, rows)
    items = {attribute: tuple(facts for _, facts in placed) for attribute, placed in lists.items()}
    holds = all_held(draft.origin for draft in rows.drafts)
    try:
        incident = reader.record.model_validate({**groups, **items, "holds": holds})
    except ValidationError as error:
        refused = [refusal(error, draft.row) for draft in rows.drafts]
        return Built(None, tuple(refused), (*doubts, *disagreed, *people))
    return Built(incident, (), (*doubts, *disagreed, *people))


def _groups(rows: RecordRows, reader: Reader) -> tuple[dict[str, Facts], list[Defect]]:
    groups: dict[str, Facts] = {}
    defects: list[Defect] = []
    for attribute in dict.fromkeys(name for draft in rows.drafts for name in draft.groups):
        placed = [(draft.row, draft.groups[attribute]) for draft in rows.drafts if attribute in draft.groups]
        groups[attribute], disagreed = merged(placed, attribute, reader.record)
        defects += disagreed
    return groups, defects


def _lists(rows: RecordRows, reader: Reader) -> tuple[dict[str, list[Placed]], list[Defect]]:
    placed: dict[str, list[Placed]] = {}
    for draft in rows.drafts:
        for attribute, items in draft.items.items():
            placed.setdefault(attribute, []).extend((draft.row, item) for item in items)
    for side in rows.sides:
        placed.setdefault(side.attribute, []).append((side.row, side.item))
    result: dict[str, list[Placed]] = {}
    defects: list[Defect] = []
    for attribute, found in placed.items():
        result[attribute], disagreed = merged_items(found, attribute, reader.record)
        defects += disagreed
    return result, defects


def _check_people(groups: dict[str, Facts], lists: dict[str, list[Placed]], rows: RecordRows) -> list[Defect]:
    """Clear dates of birth that cannot be, in place; return what is doubtful about the ages of child and suspects."""
    day = event_day(groups)
    first = rows.drafts[0]
    defects: list[Defect] = []
    if "child" in groups:
        column = first.origin.column("child.date_of_birth")
        groups["child"], doubts = check_person(groups["child"], "child", day, column=column, row=first.row)
        defects += doubts
    suspects: list[Placed] = []
    for row, suspect in lists.get("suspects", ()):
        column = first.origin.column("suspect.date_of_birth")
        checked, doubts = check_person(suspect, "suspect", day, column=column, row=row)
        suspects.append((row, checked))
        defects += doubts
    if suspects:
        lists["suspects"] = suspects
    return defects
