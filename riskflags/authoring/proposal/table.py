"""All columns of an extract together: which of two takes a field, how dates are read, and what a row is.

A mapping reads every date of a file by one list of formats: a column that this list would read otherwise is not placed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.authoring.proposal.codes import looks_coded
from riskflags.authoring.proposal.columns import How, Placed, judged
from riskflags.authoring.proposal.dates import Doubt, is_read, times_of
from riskflags.authoring.proposal.names import meant_by, names_others, words_of
from riskflags.authoring.proposal.sample import Sample, fold, sampled
from riskflags.fields import catalogue
from riskflags.incident import TIMES, Incident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.authoring.proposal.dates import Order
    from riskflags.authoring.proposal.names import Strength
    from riskflags.authoring.proposal.sample import ColumnSample
    from riskflags.fields import FieldInfo

_RANK: Mapping[Strength, int] = {"own name": 3, "known name": 2, "hint of a person": 1, "hint": 0}
_ROLE = frozenset({"role", "involvement"})
_ROLES: Mapping[str, frozenset[str]] = {
    "child": frozenset({"victim", "child", "missing person", "misper", "missing", "child at risk", "subject", "at risk",
                        "at_risk"}),
    "suspect": frozenset({"suspect", "offender", "perpetrator", "accused", "defendant", "alleged perpetrator"}),
    "other": frozenset({"witness", "reporter", "informant", "reporting person", "referrer", "parent", "guardian"}),
}  # fmt: skip
"""What the rows of a person are -> the words for it."""
_DAY_WORDS = frozenset({"date", "day", "dt", "time"})
_LONGEST_NAME = 60
_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Roles:
    """The column that says who a row is about, and the values of it that mean the child, a suspect and neither."""

    title: str
    child: tuple[str, ...]
    suspect: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for an extract: where each column goes, what is asked of the whole file, and how it is read.

    Every column of the header is in `columns` once, in its order.
    """

    sample: Sample
    name: str
    columns: tuple[Placed, ...]
    questions: tuple[Doubt, ...]
    formats: tuple[str, ...]
    joint: str
    roles: Roles | None

    def of(self, how: str) -> tuple[Placed, ...]:
        """Return the columns that are sure, guessed or not placed."""
        return tuple(one for one in self.columns if one.how == how)

    @property
    def open_questions(self) -> int:
        """How many questions the author has to answer: of the file, and one for each column that is not sure."""
        return len(self.questions) + sum(one.how != "sure" for one in self.columns)


def propose(source: str | Path, *, record: type[Incident] = Incident) -> Proposal:
    """Return a proposal for a CSV file that no mapping knows. RecordError where the file cannot be read at all."""
    sample = sampled(source)
    infos = catalogue(record)
    roles = _roles(sample)
    bare_is_child = _bare_is_child(sample, infos)
    folded = Counter(fold(column.title) for column in sample.columns)
    placed = [
        _unnamed(column)
        or _twice(column, folded)
        or judged(column, infos, bare_is_child=bare_is_child, has_roles=roles is not None)
        for column in sample.columns
    ]
    placed = _with_roles(placed, roles)
    placed = _one_each(placed)
    placed = _with_times(placed, infos)
    placed, formats = _one_list_of_formats(placed)
    placed, joint = _one_joint(placed)
    questions = tuple(_of_the_file(sample, placed, roles))
    return Proposal(sample, mapping_name(source), tuple(placed), questions, formats, joint, roles)


def mapping_name(source: str | Path) -> str:
    """Return a name for the mapping of a file: its own, as far as it can be one."""
    slug = _SLUG.sub("-", Path(source).stem.lower()).strip("-")[:_LONGEST_NAME].rstrip("-")
    return slug if slug[:1].isalpha() else f"extract-{slug}".strip("-")


def _bare_is_child(sample: Sample, infos: Mapping[str, FieldInfo]) -> bool:
    """Return whether a date of birth without a name to it can only be the child's."""
    titles = [column.title for column in sample.columns]
    named = [one for title in titles for one in meant_by(title, infos) if one.path == "child.id"]
    return any(one.strength in ("own name", "known name") for one in named) and not names_others(titles)


def _unnamed(column: ColumnSample) -> Placed | None:
    if column.title:
        return None
    if not column.filled:
        why, write = "it has no title, and is blank", "Take this question out: the column is not read."
    else:
        why, write = (
            "it has no title",
            "Have the extract made with a title for it, or take this question out: it is not read.",
        )
    return Placed(column, "not placed", why, doubts=(Doubt(f"Column {column.index + 1} of the header: {why}.", write),))


def _twice(column: ColumnSample, folded: Counter[str]) -> Placed | None:
    many = folded[fold(column.title)]
    if many == 1:
        return None
    why = f"{many} columns have this title"
    question = f"Which of them is meant? {many} columns have the title."
    doubt = Doubt(question, "Have the extract made with a title of its own for each, and run riskflags map again.")
    return Placed(column, "not placed", why, doubts=(doubt,))


# ---- one column a field ----------------------------------------------------------------------------------------------


def _one_each(placed: Sequence[Placed]) -> list[Placed]:
    """Return the columns with at most one for a field: the surest; of two that are as sure the first, as a guess."""
    found = list(placed)
    for path in dict.fromkeys(path for one in placed for path in one.paths):
        rivals = [index for index, one in enumerate(found) if path in one.paths]
        if len(rivals) < 2:  # noqa: PLR2004 - one has no rival
            continue
        best = max(_strength(found[index]) for index in rivals)
        first, *equal = [index for index in rivals if _strength(found[index]) == best]
        if equal:
            titles = ", ".join(found[index].column.title for index in equal)
            question = f"Is it this column that says {path}, or {titles}?"
            found[first] = found[first].doubted(Doubt(question, f"Write {path} with the column that does."))
        for index in rivals:
            if index != first:
                found[index] = _beside(found[index], path, found[first].column.title)
    return found


def _strength(one: Placed) -> tuple[bool, int, bool]:
    return one.how == "sure", _RANK[one.strength], bool(one.column.filled)


def _beside(one: Placed, path: str, title: str) -> Placed:
    why = f"it looks like {path}, which is read from {title}"
    question = f"Is it {path} too, as {title} is, or something else?"
    write = (
        f"Put it under unused, or write {path}: {{first_of: [...]}} with both columns, or move it to the right field."
    )
    return one.not_placed(why, Doubt(question, write))


# ---- a day and the time on it ----------------------------------------------------------------------------------------


def _with_times(placed: Sequence[Placed], infos: Mapping[str, FieldInfo]) -> list[Placed]:
    """Return the columns with each time of day beside the day that has the same title but for `date` and `time`."""
    found = list(placed)
    for index, one in enumerate(placed):
        if one.how != "not placed" or "time" not in words_of(one.column.title) or not one.column.title:
            continue
        times = times_of(one.column.values)
        if times is None:
            continue
        rest = Counter(word for word in words_of(one.column.title) if word not in _DAY_WORDS)
        days = [at for at, day in enumerate(found) if _is_day(day, infos) and _rest(day) == rest]
        if len(days) != 1:
            continue
        day = found[days[0]]
        doubts = [*_of_times(times.pad, times.midnights, times.unread)]
        how: How = "guessed" if doubts or day.how == "guessed" else "sure"
        is_it = (
            []
            if doubts or how == "sure"
            else [Doubt(f"Is it the time of day of {day.column.title}?", f"Take it out of {day.paths[0]} if not.")]
        )
        why = f"it has the title of {day.column.title}, and every value that was seen is a time of day"
        found[index] = Placed(
            one.column, how, why, day.paths, day.strength, (*doubts, *is_it), time_of=day.column.title
        )
        joined = replace(day, time=(one.column, times))
        if doubts and day.how == "sure":
            joined = joined.doubted(
                Doubt("Is the time of day beside it read rightly?", "Answer what is asked of that column.")
            )
        found[days[0]] = joined
    return found


def _is_day(one: Placed, infos: Mapping[str, FieldInfo]) -> bool:
    is_moment = bool(one.paths) and infos[one.paths[0]].kind == "moment"
    return is_moment and one.time is None and one.dates is not None and not one.dates.other_times


def _rest(one: Placed) -> Counter[str]:
    return Counter(word for word in words_of(one.column.title) if word not in _DAY_WORDS)


def _of_times(pad: int, midnights: int, unread: Sequence[str]) -> Iterator[Doubt]:
    if pad:
        yield Doubt("Have times lost zeros at their beginning (845 for 0845)?", "Take pad out if not.")
    if midnights:
        yield Doubt(
            "Is a time of 00:00 midnight, or is the time not known?", "Ask for an extract that leaves it blank if so."
        )
    if unread:
        number = "One value is" if len(unread) == 1 else f"{len(unread)} different values are"
        question = f"{number} no time of day that can be read. What does it mean?"
        yield Doubt(
            question,
            "Put words that mean nothing is recorded under read, blank. Else the day alone is read, with a warning.",
        )


# ---- how the file is read --------------------------------------------------------------------------------------------


def _one_list_of_formats(placed: Sequence[Placed]) -> tuple[list[Placed], tuple[str, ...]]:
    """Return the columns, and the formats that read all dates; a column that these would misread is not placed."""
    found = list(placed)
    formats: list[str] = []
    orders: set[tuple[Order, bool]] = set()
    for index in sorted(range(len(placed)), key=lambda index: placed[index].how != "sure"):
        one = placed[index]
        if one.dates is None:
            continue
        if not one.dates.clashes_with(orders):
            formats += [form for form in one.dates.formats if form not in formats]
            orders |= one.dates.orders
            continue
        why = "its dates are in another order than those of other columns"
        question = (
            "It writes its dates in another order than other columns do, and a mapping reads all of them by one list."
        )
        write = "Have the extract made with one order of day and month, and run riskflags map again."
        found[index] = one.not_placed(why, Doubt(question, write))
        if one.time is not None:
            at = one.time[0].index
            found[at] = found[at].not_placed(
                f"the day beside it, {one.column.title}, is not placed", _beside_nothing(one)
            )
    return [_as_others(one, formats) for one in found], tuple(formats)


def _beside_nothing(day: Placed) -> Doubt:
    question = f"Is it the time of day of {day.column.title}, which is not placed?"
    return Doubt(question, "Put it beside the day, as {date: ..., time: ...}, or under unused.")


def _as_others(one: Placed, formats: Sequence[str]) -> Placed:
    """Return a column whose order of day and month is in doubt with the doubt that those of others would settle."""
    if one.dates is None or one.dates.formats or not any(is_read(value, formats) for value in one.column.values):
        return one
    reading = [form for form in formats if any(is_read(value, [form]) for value in one.column.values)]
    question = (
        "Is the order of day and month that of other columns? Every value that was seen fits another order too; "
        f"it will be read as {' or '.join(reading)}."
    )
    write = "Leave it if that is right. If not, take the field out: a mapping reads all dates by one list."
    doubt = Doubt(question, write)
    return replace(one, doubts=(*(old for old in one.doubts if old not in one.dates.unsettled), doubt))


def _one_joint(placed: Sequence[Placed]) -> tuple[list[Placed], str]:
    """Return the columns, and what joins the codes of a cell; a column with another joint is not placed."""
    joined = sorted((one for one in placed if one.joint), key=lambda one: one.how != "sure")
    joint = joined[0].joint if joined else ";"
    question = f"It joins its codes by another sign than {joint}, by which another column does."
    doubt = Doubt(question, "Have the extract made with one sign between codes, and run riskflags map again.")
    found = [
        one.not_placed("its codes are joined by another sign", doubt) if one.joint not in ("", joint) else one
        for one in placed
    ]
    return found, joint


# ---- what a row is ---------------------------------------------------------------------------------------------------


def _roles(sample: Sample) -> Roles | None:
    """Return the column that tells rows of the child from those of others, where there is one."""
    for column in sample.columns:
        words = words_of(column.title)
        if _ROLE.isdisjoint(words) or not {"child", "by"}.isdisjoint(words) or not looks_coded(column.values):
            continue
        found = {kind: tuple(v for v in column.values if fold(v) in known) for kind, known in _ROLES.items()}
        if found["child"] and (found["suspect"] or found["other"]):
            return Roles(column.title, found["child"], found["suspect"], found["other"])
    return None


def _with_roles(placed: Sequence[Placed], roles: Roles | None) -> list[Placed]:
    if roles is None:
        return list(placed)
    return [_as_role(one, roles) if one.column.title == roles.title else one for one in placed]


def _as_role(one: Placed, roles: Roles) -> Placed:
    told = [("the child", roles.child), ("a suspect", roles.suspect), ("nobody that is read", roles.other)]
    says = "; ".join(f"{whom}: {', '.join(words)}" for whom, words in told if words)
    rest = len(one.column.counts) - len(roles.child) - len(roles.suspect) - len(roles.other)
    more = f" {rest} other value{'s are' if rest > 1 else ' is'} in none of these." if rest else ""
    doubt = Doubt(
        f"Is a row one person of an incident, and is this who it is about ({says})?{more}",
        "Put every value of the column into child, suspect or other of the table: a row with any other is rejected.",
    )
    values = {word: code for word, code in (one.values or {}).items() if word in roles.child}
    paths = ("child.role",) if values and one.paths == ("child.role",) else ()
    why = "its values say who a row is about"
    unmapped = [word for word in roles.child if word not in values]
    role = Doubt(f"Which child.role is {' or '.join(unmapped)}?", "Write a line for each under child.role, values.")
    doubts = (doubt, role) if paths and unmapped else (doubt,)
    return Placed(one.column, "guessed", why, paths, doubts=doubts, values=values if paths else None)


def _of_the_file(sample: Sample, placed: Sequence[Placed], roles: Roles | None) -> Iterator[Doubt]:
    """Yield what no column answers: what is needed and not there, and what a row is."""
    by_path = {path: one for one in placed for path in one.paths}
    by_path |= {one.near: one for one in placed if one.near and one.near not in by_path}
    has_time = any(path in by_path for path in TIMES)
    if "incident.id" not in by_path:
        children = " If a row is a child and no incident, write rows: children." if not has_time else ""
        question = f"What tells one incident from another? No column looks like its reference.{children}"
        example = '{text: "SRC-{table.H}-{table.H}"}'
        yield Doubt(question, f"Write incident.id with a column, or made of several: {example}.")
        if roles is not None:
            question = "Which rows are of one incident? A row is one person, and no reference brings them together."
            write = f"Write key: [H] for the table, and child, suspect and other by {roles.title}."
            yield Doubt(question, write)
    if "incident.type" not in by_path:
        write = "Write incident.type with a column, or one type for all rows, such as {always: missing_episode}."
        yield Doubt("What type of incident is it? No column says so.", write)
    if not has_time:
        yield Doubt("When was it? No column that was placed says so.", f"Write one of {', '.join(TIMES)}.")
    if roles is None and "incident.id" in by_path and "child.id" not in by_path:
        index = by_path["incident.id"].column.index
        ids = Counter(row[index] for row in sample.rows if row[index])
        if repeated := sum(many > 1 for many in ids.values()):
            number = "One incident has" if repeated == 1 else f"{repeated:,} incidents have"
            question = f"What is a row? {number} several rows, and no column tells one child from another."
            yield Doubt(
                question, "Write child.id, or key and child for the table where a row is one person of several."
            )
