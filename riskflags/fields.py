"""The catalogue of fields, read from the annotations of the models, and the value of each field of a record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast, get_args, get_origin

from riskflags.incident import GROUPS, LISTS, Facts, Incident
from riskflags.kinds import Kind, KindName
from riskflags.model import Absent, Codes, Moment, Number, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field that a rule can name.

    `codes` is its closed code list, or None. `repeated` marks fields of a list (suspects, markers, actions). `least`
    and `most` are the range of a number that has one.
    """

    path: str
    kind: KindName
    description: str
    codes: tuple[str, ...] | None = None
    personal: bool = False
    planned: bool = False
    repeated: bool = False
    least: int | None = None
    most: int | None = None


@cache
def catalogue(model: type[Incident] = Incident) -> dict[str, FieldInfo]:
    """Return every field of the record by its path, in the order of the model.

    A field of a subclass needs one of the types of `riskflags.kinds`, or a `Kind` in its annotation: TypeError
    otherwise.
    """
    return {info.path: info for group in model.model_fields for info in _of_group(model, group)}


def _of_group(model: type[Incident], attribute: str) -> Iterator[FieldInfo]:
    facts = next((part for part in _parts(model.model_fields[attribute].annotation) if _is_facts(part)), None)
    if facts is None or attribute == "holds":
        return
    prefix = GROUPS.get(attribute, attribute)
    for name, described in facts.model_fields.items():
        kind = next((m for m in described.metadata if isinstance(m, Kind)), None)
        path = f"{prefix}.{name}"
        if kind is None:
            msg = f"{path}: annotate the field with a type of riskflags.kinds, or with a Kind"
            raise TypeError(msg)
        yield FieldInfo(
            path=path,
            kind=kind.name,
            description=described.description or "",
            codes=next((get_args(p) for p in _parts(described.annotation) if get_origin(p) is Literal), None),
            personal=kind.personal,
            planned=kind.planned,
            repeated=attribute in LISTS,
            least=kind.least,
            most=kind.most,
        )


def _is_facts(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Facts)


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield what a union, a tuple or an Annotated is made of, down to plain types and Literals."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType, tuple, Annotated):
        for part in get_args(annotation):
            yield from _parts(part)
    elif annotation not in (NoneType, Ellipsis):
        yield annotation


def group_paths(model: type[Incident]) -> dict[str, tuple[str, ...]]:
    """Return the groups that `recorded` can ask about as a whole, each with the paths of its fields."""
    return {
        group: tuple(
            path for path, info in catalogue(model).items() if path.startswith(f"{group}.") and not info.repeated
        )
        for group in model.model_fields
        if group not in LISTS and group != "holds"
    }


def read_value(facts: BaseModel, info: FieldInfo, *, record: Incident, as_of: int) -> Value:
    """Return the value of one field of a group, or of one item of a list.

    A moment after `as_of` (UTC seconds) is read as absent, unless it is planned to lie ahead. What the source of the
    record does not hold is Absent with `held` False.
    """
    value = as_value(getattr(facts, info.path.partition(".")[2]), info.path)
    if isinstance(value, Moment) and value.earliest > as_of and not info.planned:
        value = absent(info.path)
    if isinstance(value, Absent) and not record.holds.records_field(info.path):
        return Absent(value.needs, held=False)
    return value


@cache
def absent(path: str) -> Absent:
    """Return the value of a field that is not filled: itself is what is needed."""
    return Absent(frozenset({path}))


def as_value(raw: Any, path: str) -> Value:
    """Return the engines' value of a validated field; None is Absent with the field itself as its need."""
    match raw:
        case None:
            return absent(path)
        case Moment():
            return raw if raw.is_exact else dataclasses.replace(raw, needs=frozenset({f"{path}@time"}))
        case Decimal():
            return Number(raw, raw)
        case tuple():
            return Codes(frozenset(cast("tuple[str, ...]", raw)))
        case bool() | str() | date():
            return raw
        case _:
            msg = (
                f"{path}: a field holds text, bool, date, Moment, Decimal or a tuple of codes, not {type(raw).__name__}"
            )
            raise TypeError(msg)
