"""Values in JSON Schema: text, dates, durations, numbers and codes, as the kinds of the fields have them.

An editor reads YAML 1.2, in which a date is text and only true and false are no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from riskflags.calendar import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskflags.fields import FieldInfo
    from riskflags.kinds import KindName

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
LOOSE_TEXT: Schema = {"type": ["string", "number"]}
NAME: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,79}$"}
DATE: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$", "examples": ["2026-03-31"]}
MOMENT: Schema = {
    "type": "string",
    "pattern": r"^\s*\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?\s*$",
    "examples": ["2026-03-31T10:00"],
}
TIME: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$",
    "examples": ["2026-03-31T10:00"],
}
NUMBER: Schema = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?$"}]}
WHOLE: Schema = {"type": "integer", "minimum": 1}
YES_NO: Schema = {"enum": [True, False, "yes", "no", "true", "false"]}
_KINDS: dict[KindName, Schema] = {
    "text": TEXT,
    "code": TEXT,
    "codes": TEXT,
    "number": NUMBER,
    "yes_no": YES_NO,
    "date": DATE,
    "moment": MOMENT,
}


def one_of(words: Iterable[str]) -> Schema:
    """Return the schema of one of some words; of any text where there are none."""
    found = list(words)
    return {"enum": found} if found else TEXT


def any_of(*schemas: Schema) -> Schema:
    """Return the schema of what fits one of several."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def reference(definition: str) -> Schema:
    """Return the schema of what another definition says."""
    return {"$ref": f"#/definitions/{definition}"}


def listed(item: Schema, *, least: int = 1, most: int | None = None) -> Schema:
    """Return the schema of a list."""
    found: Schema = {"type": "array", "items": item, "minItems": least}
    return found if most is None else found | {"maxItems": most}


def one_or_many(item: Schema) -> Schema:
    """Return the schema of one thing, or a list of them."""
    return any_of(item, listed(item))


def keys(properties: dict[str, Schema], *, needed: Sequence[str] = (), **more: Any) -> Schema:
    """Return the schema of a mapping with these keys and no others."""
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed:
        found["required"] = list(needed)
    return found | more


def named(item: Schema, pattern: str = NAME["pattern"]) -> Schema:
    """Return the schema of a mapping whose keys the author chooses."""
    return {"type": "object", "patternProperties": {pattern: item}, "additionalProperties": False}


def duration(units: Iterable[str], *, example: str) -> Schema:
    """Return the schema of a number of some units, or of one of those that have no number."""
    counted = [unit[:-1] for unit in units if unit.endswith("s")]
    alone = [unit for unit in units if not unit.endswith("s")]
    pattern = "|".join([rf"\d{{1,5}} ({'|'.join(counted)})s?", *alone])
    return {"type": "string", "pattern": f"^({pattern})$", "examples": [example, *alone]}


UNITS: tuple[str, ...] = get_args(Unit)


def value(kind: KindName, codes: Iterable[str] | None = None) -> Schema:
    """Return the schema of one value of a kind; of `codes`, one code."""
    return _KINDS[kind] if codes is None else one_of(sorted(codes))


def field_value(info: FieldInfo) -> Schema:
    """Return the schema of what an example gives a field: a value, a list of codes, or `absent`."""
    one = value(info.kind, info.codes)
    return any_of(listed(one, least=0) if info.kind == "codes" else one, {"const": "absent"})
