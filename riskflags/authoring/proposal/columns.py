"""One column judged: sure of a field, guessed to be one with a reason, or not placed. Whatever is not sure is asked.

Sure is a column whose title means one field and whose every value that was seen fits it. A value that fits only by a
guess, or may mean that nothing is recorded, makes it a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from riskflags.authoring.proposal.codes import JOINTS, Coded, coded, looks_coded
from riskflags.authoring.proposal.dates import Dates, Doubt, Times, dates_of
from riskflags.authoring.proposal.names import Meant, Strength, meant_by
from riskflags.authoring.proposal.sample import shapes
from riskflags.incident import GROUPS
from riskflags.kinds import YES_NO, parse_age, parse_number
from riskflags.mapping.formats import EXCEL_SERIAL
from riskflags.source.problems import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from riskflags.authoring.proposal.sample import ColumnSample
    from riskflags.fields import FieldInfo

How = Literal["sure", "guessed", "not placed"]
Values = Mapping[str, str | tuple[str, ...]]
"""What each cell means: a code, or an empty list."""

TABLE = "extract"
"""What the one table of a proposed mapping is called."""
PLACEHOLDERS = frozenset(
    {"n/a", "na", "#n/a", "-", "--", ".", "?", "none", "nil", "nan", "unknown", "not known", "n/k", "nk", "u/k", "uk",
     "not recorded", "not applicable", "unspecified", "tbc", "0", "00", "000", "x", "xx", "xxx"}
)  # fmt: skip
"""Words with which people and programs fill a cell when they have nothing to say."""
_SHOWN = 30
_ROWS_SHOWN = 5
_SHAPES = 3
_ALWAYS_SHOWN = 3
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+?\d+", re.ASCII)
_FRACTION = re.compile(r"\d+\.0+", re.ASCII)
_ZEROS = re.compile(r"^0+(?=.)", re.ASCII | re.DOTALL)
_MOST_UNREAD = 5
_OFTEN = 360
"""One time in 1,440 is midnight by chance. More than four times as many are asked about."""
_SEPARATE = tuple(f"{GROUPS[one]}." for one in ("done", "markers"))
_NOTES: Mapping[str, Doubt] = {
    "child.id": Doubt(
        "Does a child have the same id in every incident?", "List child.id under no_identity where it has not."
    ),
    "suspect.id": Doubt(
        "Does a suspect have the same id in every incident?", "List suspect.id under no_identity where it has not."
    ),
    "child.stated_age": Doubt(
        "Is it the age on the day of the incident, and not on the day of the extract?",
        "Take it out if it is that of another day.",
    ),
    "suspect.stated_age": Doubt(
        "Is it the age on the day of the incident, and not on the day of the extract?",
        "Take it out if it is that of another day.",
    ),
}
"""Field -> what is asked beside, where it was guessed."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a column goes, how sure that is, and why. `doubts` are the questions that only the author can answer.

    `paths` has a second field where a row may be of a child or of a suspect. `day_only`: the times of the column say
    nothing. `time` is the column of the time of day beside a day; `time_of` is the title of the day's column in that
    one.
    """

    column: ColumnSample
    how: How
    why: str
    paths: tuple[str, ...] = ()
    strength: Strength = "hint"
    doubts: tuple[Doubt, ...] = ()
    values: Values | None = None
    joint: str = ""
    dates: Dates | None = None
    day_only: bool = False
    time: tuple[ColumnSample, Times] | None = None
    time_of: str = ""
    near: str = ""
    """The field that a column which is not placed would be, once its values are mapped."""

    def doubted(self, *doubts: Doubt) -> Placed:
        """Return it as a guess, with more doubts."""
        how: How = "guessed" if self.how == "sure" else self.how
        return replace(self, how=how, doubts=(*self.doubts, *doubts))

    def not_placed(self, why: str, *doubts: Doubt) -> Placed:
        """Return the column as one that goes nowhere, with other questions."""
        return Placed(self.column, "not placed", why, doubts=doubts)


@dataclass(frozen=True, slots=True)
class _Fit:
    """How the values of a column fit a field: not at all (`why_not`), or with doubts, or without any."""

    doubts: tuple[Doubt, ...] = ()
    why_not: str = ""
    values: Values | None = None
    joint: str = ""
    dates: Dates | None = None
    day_only: bool = False
    ask: tuple[Doubt, ...] = ()
    """What to ask where it does not fit."""
    is_hopeless: bool = False
    """True where no line of a mapping could make it fit."""


def judged(column: ColumnSample, infos: Mapping[str, FieldInfo], *, bare_is_child: bool, has_roles: bool) -> Placed:
    """Return where a column goes. `bare_is_child`: a person without a name for it can only be the child of the row.

    `has_roles`: a row may be of a child or of a suspect, and tells which.
    """
    meant = meant_by(column.title, infos)
    if column.title.startswith(_SEPARATE) or (meant and meant[0].path.startswith(_SEPARATE)):
        return _separate(column, column.title if column.title.startswith(_SEPARATE) else meant[0].path)
    reasons: list[tuple[str, tuple[Doubt, ...], str]] = []
    for one in meant:
        fit = _fit(column, infos[one.path])
        if fit.why_not:
            near = one.path if fit.ask and not fit.is_hopeless else ""
            reasons.append((f"its title hints at {one.path}, but {fit.why_not}", fit.ask, near))
            continue
        return _as_meant(column, one, fit, infos, bare_is_child=bare_is_child, has_roles=has_roles)
    if not meant and (by_codes := _by_codes(column, infos)) is not None:
        return by_codes
    why, asks, near = reasons[0] if reasons else ("its title says nothing that is known", (), "")
    return Placed(column, "not placed", why, doubts=asks or (_what_is_it(column, why),), near=near)


def _as_meant(
    column: ColumnSample,
    one: Meant,
    fit: _Fit,
    infos: Mapping[str, FieldInfo],
    *,
    bare_is_child: bool,
    has_roles: bool,
) -> Placed:
    is_named = one.strength in ("own name", "known name")
    is_sure_name = is_named or (
        one.strength == "hint of a person" and bare_is_child and not one.path.endswith(("_age", ".id"))
    )
    paths = [one.path]
    if has_roles and one.strength == "hint of a person":
        other = one.path.replace("child.", "suspect.")
        paths += [other] if other in infos and other != one.path else []
    placed = Placed(
        column, "sure", _why(column, one), tuple(paths), one.strength, fit.doubts, fit.values, fit.joint, fit.dates,
        fit.day_only,
    )  # fmt: skip
    doubts = [] if is_sure_name else [_is_it(paths, infos[one.path], of_whom=one.strength == "hint of a person")]
    doubts += [_NOTES[path] for path in paths if path in _NOTES and not is_sure_name]
    doubts += [*_of_name_spaces(infos[one.path])] if one.strength != "own name" else []
    if not column.filled:
        write = "Leave it if values will be written as in other columns: one that cannot be read is a warning."
        doubts.append(Doubt("No value was seen. How will it be written?", write))
    if not doubts and not fit.doubts:
        return placed
    return replace(placed, how="guessed", doubts=(*doubts, *fit.doubts))


def _of_name_spaces(info: FieldInfo) -> Iterator[Doubt]:
    """Yield what no value can show: whether it is written as in other columns and files, so that like is like."""
    if info.kind in ("code", "codes") and info.codes is None:
        question = "Are these the official codes, written alike in every such column?"
        yield Doubt(question, "Write values to make them so, or put the column under unused: rules compare them.")
    elif info.path.endswith(("address_id", "placement_id")):
        question = "Has every address one id, in this column as in any other?"
        write = 'If not, tell them apart, such as by {text: "home-{extract.H}"}: rules take equal ids for one address.'
        yield Doubt(question, write)


def _why(column: ColumnSample, one: Meant) -> str:
    says = {
        "own name": "its title is the name of the field",
        "known name": "its title means that field",
        "hint of a person": "its title says what it is, and not of whom",
        "hint": "its title hints at it",
    }[one.strength]
    different = len(column.counts)
    values = "no value was seen" if not different else f"{different:,} different value{'s' * (different != 1)} seen"
    return f"{says}; {values}"


def _is_it(paths: Sequence[str], info: FieldInfo, *, of_whom: bool = False) -> Doubt:
    whose = " Whose is it?" if of_whom else ""
    question = f"Is this {' and '.join(paths)} ({info.description[:1].lower()}{info.description[1:]})?{whose}"
    return Doubt(question, "Leave it under fields if it is; if not, move the column to the right field or to unused.")


def _separate(column: ColumnSample, path: str) -> Placed:
    what = "actions" if path.startswith("action.") else "markers"
    question = f"Are the rows {what}? They belong in a table of their own."
    rows = "done" if what == "actions" else what
    write = f"Give them as a file with --{what}, or write a table with rows: {rows} and join it to the records."
    return Placed(column, "not placed", f"{what} stand in a file of their own", doubts=(Doubt(question, write),))


def _by_codes(column: ColumnSample, infos: Mapping[str, FieldInfo]) -> Placed | None:
    """Return a guess by the codes alone: two or more, all of them of the code list of one field."""
    if len(column.counts) < 2 or column.is_long:  # noqa: PLR2004 - one code is no list
        return None
    closed = [info for info in infos.values() if info.codes and not info.path.startswith(_SEPARATE)]
    found = [(info, coded(column.values, info)) for info in closed]
    fitting = [(info, one) for info, one in found if one.sure and not one.likely and not one.unknown]
    if len({info.codes for info, _ in fitting}) != 1:
        return None
    info, one = fitting[0]
    doubt = _is_it([info.path], info)
    why = f"every value that was seen is a code of {info.path}"
    return Placed(column, "guessed", why, (info.path,), "hint", (doubt,), _values(one, info), one.joint)


def _what_is_it(column: ColumnSample, why: str) -> Doubt:
    different = len(column.counts)
    if not different:
        seen = "it is blank in every row that was looked at"
    else:
        found = shapes(column.values)
        some = " ".join(shape[:20] for shape in found[:_SHAPES])
        more = f" and {len(found) - _SHAPES} more" if len(found) > _SHAPES else ""
        many = f"{different:,} different value{'s' * (different != 1)} in {column.filled:,} rows"
        seen = f"{many}, of the shape{'s' * (len(found) != 1)} {some}{more}"
    return Doubt(
        f"What is it? {why[:1].upper()}{why[1:]}; {seen}.",
        "Put it under fields if a field takes it, else under unused.",
    )


# ---- how values fit --------------------------------------------------------------------------------------------------


def _fit(column: ColumnSample, info: FieldInfo) -> _Fit:
    if column.has_nul:
        return _Fit(why_not="a value holds a NUL character, which no text may hold")
    match info.kind:
        case "date" | "moment":
            return _fit_dates(column, info)
        case "number":
            return _fit_numbers(column, info)
        case "yes_no":
            return _fit_codes(column, info)
        case "code" | "codes" if info.codes is not None:
            return _fit_codes(column, info)
        case _:
            return _fit_text(column, info)


def _fit_dates(column: ColumnSample, info: FieldInfo) -> _Fit:
    if not column.filled:
        return _Fit()
    found = None if column.is_long else dates_of(column.first, column.counts)
    if found is None:
        return _Fit(why_not="its values are no dates that can be read")
    if not found.can_be_read:
        return _Fit(why_not="its dates cannot be read as they are", ask=found.doubts, is_hopeless=True)
    doubts = [*found.doubts]
    day_only = False
    if info.kind == "date" and found.other_times:
        question = (
            "The day has a time of day, which is not read. Can the day be one off, as where it was written in UTC?"
        )
        doubts.append(Doubt(question, "Have the extract made with days alone if so."))
    elif info.kind == "moment" and found.midnights * _OFTEN > found.midnights + found.other_times:
        day_only = not found.other_times
        rows = "1 row has" if found.midnights == 1 else f"{found.midnights:,} rows have"
        question = (
            f"{'Every time of day is' if day_only else f'{rows} the time'} 00:00. Is that the time, or is it not known?"
        )
        write = (
            "Leave {date: ...} if it is not known; write the column alone if it is the time."
            if day_only
            else ("Write {date: ...} around the column if it is not known: the day alone is then read from every row.")
        )
        doubts.append(Doubt(question, write))
    return _Fit(tuple(doubts), dates=found, day_only=day_only)


def _fit_numbers(column: ColumnSample, info: FieldInfo) -> _Fit:
    parse = parse_age if info.most is not None else parse_number
    bad = [value for value in column.values if not _parses(value, parse)]
    if len(bad) * _MOST_UNREAD > len(column.counts) or column.is_long:
        return _Fit(why_not="its values are no numbers that fit")
    doubts = [*_unread(bad, column, "number")]
    if info.most is not None and any(_parses(value, parse_number) and float(value) == 0 for value in column.values):
        write = f"Write blank_if for {info.path}, such as {{at_most: 0}}, if so."
        doubts.append(Doubt("Does an age of 0 mean that it is not known?", write))
    return _Fit(tuple(doubts))


def _parses(value: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _unread(bad: list[str], column: ColumnSample, what: str) -> Iterator[Doubt]:
    if bad:
        row = min(column.first[value] for value in bad)
        many = "One value is" if len(bad) == 1 else f"{len(bad)} different values are"
        question = f"{many} no {what} that fits, first in row {row:,}. What does it mean?"
        yield Doubt(question, "Put words that mean nothing is recorded under read, blank.")


def _fit_text(column: ColumnSample, info: FieldInfo) -> _Fit:
    is_id = info.path.endswith((".id", "_id", "_urn"))
    if not is_id:
        joint = ";" if info.kind == "codes" and any(";" in value for value in column.values) else ""
        return _Fit(tuple(_of_joints(column, info)), joint=joint)
    if column.is_long:
        return _Fit(why_not="its values are too long for an id")
    values = column.values
    dates = dates_of(column.first)
    is_dated = dates is not None and EXCEL_SERIAL not in dates.formats
    if is_dated or (values and all(value.casefold() in {*YES_NO, "y", "n"} for value in values)):
        return _Fit(why_not="its values are no ids")
    return _Fit(tuple(_of_ids(column, info)))


def _of_joints(column: ColumnSample, info: FieldInfo) -> Iterator[Doubt]:
    found = [joint for joint in JOINTS if joint != ";" and any(joint in value for value in column.values)]
    if info.kind == "codes" and found:
        yield Doubt(f"Does {found[0]} stand between the codes of a cell?", "Write it under read, list, if so.")


def _of_ids(column: ColumnSample, info: FieldInfo) -> Iterator[Doubt]:
    """Yield what makes ids doubtful: a word for nothing would make one of many; a spreadsheet makes many into one."""
    if standing_in := [value for value in column.values if value.casefold() in PLACEHOLDERS]:
        some = ", ".join(f'"{value}"' for value in standing_in[:3])
        write = f"Put {some} under read, blank, if so: all rows with it would be taken for one {info.path}."
        yield Doubt(f"Does {some} mean that there is no id?", write)
    if any(_SCIENTIFIC.fullmatch(value) or _FRACTION.fullmatch(value) for value in column.values):
        question = "Has a spreadsheet changed the ids into numbers (1.2E+10, 4711.0)?"
        yield Doubt(question, "Have the extract made with ids as text, and run riskflags map again.")
    bare = {_ZEROS.sub("", value) for value in column.values}
    if len(bare) < len(column.values):
        question = "Some ids differ only in zeros at their beginning. Are they the same?"
        yield Doubt(question, f"Write {info.path}: {{from: ..., pad: N}} with the full length N if so.")


def _fit_codes(column: ColumnSample, info: FieldInfo) -> _Fit:
    if not column.filled:
        return _Fit()
    found = coded(column.values, info)
    if found.likely or found.unknown:
        if column.is_long or not looks_coded(column.values):
            return _Fit(why_not="its values are too many, or too long, to be codes")
        if not found.known:
            return _Fit(why_not="no value is one of its codes", ask=(_map_all(found.unknown, column, info),))
    doubts: list[Doubt] = []
    if found.likely:
        pairs = ", ".join(f'"{clean(value)}" is {code}' for value, code in found.likely.items())
        doubts.append(Doubt(f"Is it right that {pairs}?", f"Change the values of {info.path} where it is not."))
    if found.unknown:
        shown = _shown(found.unknown, column, info)
        write = (
            f"Write a line for each under fields, {info.path}, values: {_codes(info)}; or blank where it says nothing."
        )
        doubts.append(Doubt(f"What do these mean: {shown}?", write))
    if found.joint not in ("", ";"):
        doubts.append(Doubt(f"Does {found.joint} stand between the codes of a cell?", "Change read, list, if not."))
    return _Fit(tuple(doubts), values=_values(found, info), joint=found.joint)


def _map_all(unknown: Iterable[str], column: ColumnSample, info: FieldInfo) -> Doubt:
    question = f"Is this {info.path}? Its title hints at it. What do these mean: {_shown(unknown, column, info)}?"
    form = f"{info.path}: {{from: {TABLE}.{clean(column.title)}, values: {{CELL: CODE, ...}}}}"
    write = f"If so, write {form} with a code for each ({_codes(info)}; or blank); if not, put it under unused."
    return Doubt(question, write)


def _codes(info: FieldInfo) -> str:
    return "yes or no" if info.kind == "yes_no" else ", ".join(info.codes or ())


def _values(found: Coded, info: FieldInfo) -> Values | None:
    """Return the values to be written out; None where every cell is the very code that it means."""
    known = found.known
    if not found.unknown and all(code in (value, ()) for value, code in known.items()):
        return None
    return known if info.kind != "codes" or known else None


def _shown(values: Iterable[str], column: ColumnSample, info: FieldInfo) -> str:
    """Return values that must be mapped. One that was seen once may be a name: only its row is told."""
    found = [*values]
    is_short = info.kind == "yes_no" or info.path.endswith(".sex")

    def may_show(value: str) -> bool:
        often = sum(many for cell, many in column.counts.items() if value in cell)
        return often > 1 or (is_short and len(value) <= _ALWAYS_SHOWN)

    shown = [f'"{clean(value)}"' for value in found if may_show(value)]
    once = [_first_row(value, column) for value in found if not may_show(value)]
    parts = [", ".join(shown[:_SHOWN])]
    parts += [f"{len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else []
    if once:
        rows = ", ".join(f"{row:,}" for row in once[:_ROWS_SHOWN])
        rest = f" and {len(once) - _ROWS_SHOWN} more" if len(once) > _ROWS_SHOWN else ""
        parts.append(f"what stands only in row{'s' * (len(once) > 1)} {rows}{rest}")
    return " and ".join(filter(None, parts))


def _first_row(value: str, column: ColumnSample) -> int:
    return min(row for cell, row in column.first.items() if value in cell)
