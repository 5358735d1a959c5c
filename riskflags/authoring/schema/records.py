"""The records of examples in JSON Schema: every field by its path, inside its group, or in the list it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.authoring.schema.values import TEXT, YES_NO, Schema, any_of, field_value, keys, listed, one_of
from riskflags.fields import group_paths
from riskflags.incident import GROUPS, LISTS, Holds

if TYPE_CHECKING:
    from riskflags.pack import Pack

_ABSENT: Schema = {"const": "absent"}


def record(pack: Pack, *, but: Schema | None = None) -> Schema:
    """Return the schema of a record, or of an earlier one, which says under `but` how it differs."""
    properties = {
        path: {"description": info.description, **field_value(info)}
        for path, info in pack.fields.items()
        if not info.repeated
    }
    for group in group_paths(pack.record):
        properties[group] = any_of(_group(pack, group), _ABSENT)
    for attribute in sorted(LISTS):
        properties[attribute] = any_of(listed(_entry(pack, GROUPS[attribute]), least=0), _ABSENT)
    holds = {name: _held(name) for name in Holds.model_fields}
    properties |= {f"holds.{name}": schema for name, schema in holds.items()}
    properties["holds"] = any_of(keys(holds), _ABSENT)
    if but is not None:
        properties["but"] = but
    return keys(properties)


def _group(pack: Pack, group: str) -> Schema:
    start = f"{group}."
    return keys({path.removeprefix(start): properties for path, properties in _of_group(pack, group).items()})


def _entry(pack: Pack, group: str) -> Schema:
    """Return the schema of a suspect, a marker or an action; the first part of a name may be left out."""
    fields = _of_group(pack, group)
    return keys(fields | {path.removeprefix(f"{group}."): schema for path, schema in fields.items()}, minProperties=1)


def _of_group(pack: Pack, group: str) -> dict[str, Schema]:
    return {path: field_value(info) for path, info in pack.fields.items() if path.startswith(f"{group}.")}


def _held(name: str) -> Schema:
    if Holds.model_fields[name].annotation is bool:
        return YES_NO
    words = ("all", "none") if name == "actions" else ("all",)
    return any_of(one_of(words), listed(TEXT, least=0))
