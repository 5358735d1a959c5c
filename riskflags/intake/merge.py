"""Several rows of one record made one. Where they disagree a field is absent: a blank beats a known error."""

from __future__ import annotations

import dataclasses
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from riskflags.derive import whole_years
from riskflags.fields import as_value, catalogue
from riskflags.incident import GROUPS, IN_ORDER, TIMES, Facts, Holds, Incident
from riskflags.intake.account import Defect, RowPlace, echo
from riskflags.words import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from riskflags.intake.drafts import Draft, Origin
    from riskflags.model import Moment

Placed = tuple[RowPlace, Facts]
"""Facts, and the row that they come from."""
EVENT = ("incident.occurred_at", "missing.last_seen_at", "missing.reported_at", "incident.reported_at")
"""The first that is known says on which day the incident was."""


def merged(found: Sequence[Placed], attribute: str, record: type[Incident]) -> tuple[Facts, list[Defect]]:
    """Return the facts that the rows agree on, and a defect for each field of a row that differs from the first."""
    first, *others = (facts for _, facts in found)
    if not others:
        return first, []
    defects: list[Defect] = []
    update: dict[str, object] = {}
    for name in type(first).model_fields:
        stated = [(row, value) for row, facts in found if (value := getattr(facts, name)) is not None]
        differing = [(row, value) for row, value in stated if value != stated[0][1]]
        if differing:
            path = f"{GROUPS.get(attribute, attribute)}.{name}"
            defects += [_disagreement(path, stated[0], other, record) for other in differing]
            update[name] = None
        elif stated:
            update[name] = stated[0][1]
    return first.model_copy(update=update), defects


def _disagreement(
    path: str, first: tuple[RowPlace, object], other: tuple[RowPlace, object], record: type[Incident]
) -> Defect:
    row, value = other
    first_row, first_value = first
    same_file = row.source_file == first_row.source_file
    where = f"row {first_row.source_row:,}" if same_file else str(first_row)
    message = f"{path}: expected the same as {where} of this record"
    if not catalogue(record)[path].personal:
        says, said = (echo(in_words(as_value(v, path))) for v in (value, first_value))
        message += f", got {says} where that says {said}"
    return Defect(row, path, path, "rows_disagree", f"the same as {where}", message)


def merged_items(found: Sequence[Placed], attribute: str, record: type[Incident]) -> tuple[list[Placed], list[Defect]]:
    """Return the items of a list without repeats; suspects of one id are one suspect."""
    if attribute != "suspects":
        different: dict[Facts, Placed] = {}
        for row, facts in found:
            different.setdefault(facts, (row, facts))
        return list(different.values()), []
    groups: dict[object, list[Placed]] = {}
    for row, facts in found:
        suspect_id = getattr(facts, "id", None)
        groups.setdefault(facts if suspect_id is None else ("id", suspect_id), []).append((row, facts))
    result: list[Placed] = []
    defects: list[Defect] = []
    for placed in groups.values():
        facts, bad = merged(placed, attribute, record)
        result.append((placed[0][0], facts))
        defects += bad
    return result, defects


def all_held(origins: Iterable[Origin]) -> Holds:
    """Return what the sources of one record hold together."""
    different = list({id(origin.holds): origin.holds for origin in origins}.values())
    if len(different) == 1:
        return different[0]
    codes = [holds.actions for holds in different]
    fields = [holds.fields for holds in different]
    listed = tuple(sorted({code for some in codes if isinstance(some, tuple) for code in some}))
    return Holds(
        actions="all" if "all" in codes else listed or "none",
        markers=any(holds.markers for holds in different),
        suspects=any(holds.suspects for holds in different),
        contact=any(holds.contact for holds in different),
        indicators=any(holds.indicators for holds in different),
        fields="all" if "all" in fields else tuple(sorted({path for some in fields for path in some})),
    )


# ---- what cannot be a record -----------------------------------------------------------------------------------------


def moment(groups: Mapping[str, Facts], path: str) -> Moment | None:
    """Return the moment of a field of a group."""
    attribute, _, name = path.partition(".")
    found: Moment | None = getattr(groups[attribute], name, None) if attribute in groups else None
    return found


def why_rejected(groups: Mapping[str, Facts], drafts: Sequence[Draft], disagreed: Sequence[Defect]) -> list[Defect]:
    """Return for each row why the record cannot be one; empty when it can."""
    if getattr(groups.get("incident"), "type", None) is None:
        return [_lacking(draft, ("incident.type",), disagreed, "no_type") for draft in drafts]
    if all(moment(groups, path) is None for path in TIMES):
        return [_lacking(draft, TIMES, disagreed, "no_time") for draft in drafts]
    for first, second in IN_ORDER:
        start, end = moment(groups, first), moment(groups, second)
        if start is not None and end is not None and end.latest < start.earliest:
            return [_contradiction(draft, (first, start), (second, end)) for draft in drafts]
    return []


def _lacking(draft: Draft, paths: Sequence[str], disagreed: Sequence[Defect], code: str) -> Defect:
    """Return why a row gives none of the fields: its own bad value, its row against the others, or blank cells."""
    own = [defect for defect in draft.defects if defect.field in paths]
    others = [d for d in disagreed if d.field in paths]
    if own:
        return dataclasses.replace(own[0], row=draft.row)
    columns = list(dict.fromkeys(draft.origin.columns[path] for path in paths if path in draft.origin.columns))
    columns = columns or list(paths)
    expected = f"a value in {' or '.join(columns)}"
    why = "the rows of this record disagree" if others else "every one is blank" if len(columns) > 1 else "it is blank"
    return Defect(draft.row, paths[0], columns[0], code, expected, f"expected {expected}: {why}")


def _contradiction(draft: Draft, first: tuple[str, Moment], second: tuple[str, Moment]) -> Defect:
    (start_path, start), (end_path, end) = first, second
    start_column, end_column = draft.origin.column(start_path), draft.origin.column(end_path)
    expected = f"a time that is not before {start_column}"
    message = f"{end_column}: expected {expected}, got {end} where {start_column} is {start}"
    return Defect(draft.row, end_path, end_column, "contradiction", expected, message)


# ---- people ----------------------------------------------------------------------------------------------------------


def filled_in(facts: Facts, known: Facts) -> Facts:
    """Return the facts with what is absent taken from what is known elsewhere."""
    names = [name for name in type(facts).model_fields if getattr(facts, name) is None]
    return facts.model_copy(update={name: value for name in names if (value := getattr(known, name)) is not None})


def check_person(
    person: Facts, group: str, day: date | None, *, column: str, row: RowPlace
) -> tuple[Facts, list[Defect]]:
    """Return the person without a date of birth that cannot be, and what is doubtful about the age.

    `day` is the day of the incident, `column` that of the date of birth.
    """
    born: date | None = getattr(person, "date_of_birth", None)
    stated: Decimal | None = getattr(person, "stated_age", None)
    path = f"{group}.date_of_birth"
    if born is None or day is None:
        return person, []
    if born > day:
        expected = "a date before the incident"
        message = f"{column}: expected {expected}, got one after it; read as absent"
        cleared = person.model_copy(update={"date_of_birth": None})
        return cleared, [Defect(row, path, column, "born_after", expected, message)]
    if born == day:
        expected = "a date before the incident"
        message = f"{column}: expected {expected}, got the day of the incident itself: is it a placeholder?"
        return person, [Defect(row, path, column, "born_on_the_day", expected, message)]
    age = whole_years(born, day)
    if stated is not None and stated.quantize(Decimal(1), ROUND_FLOOR) != age:
        path = f"{group}.stated_age"
        message = f"{path}: expected {age}, the age by the date of birth on the day of the incident, got {stated:f}"
        return person, [Defect(row, path, path, "age_disagrees", f"{age}", message)]
    return person, []


def event_day(groups: Mapping[str, Facts]) -> date | None:
    """Return the local day of the incident: the first time that is known, what happened before what was reported."""
    found = next((when for path in EVENT if (when := moment(groups, path)) is not None), None)
    return found.day if found else None
