"""The keys of a mapping file: which stand where, what each takes, and which must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.source.nodes import MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.shape import Key, Taken, refuse_shape, unknown_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.source.problems import Problems

_NEEDED = "RF013"
_YES_NO = Key("yes or no", _NEEDED)
_TEST = Key("a test of a row, such as {Role: {in: [Victim, Witness]}}")

SHAPES: Mapping[str, Mapping[str, Key]] = {
    "a mapping": {
        "mapping": Key("a name", _NEEDED),
        "label": Key("text", _NEEDED),
        "language": Key("1", _NEEDED),
        "tables": Key("{name: {headers: [H, ...], rows: records}}", _NEEDED),
        "read": Key("{encoding, delimiter, dates, blank, ...}"),
        "holds": Key("{actions, markers, suspects, contact, indicators}", _NEEDED),
        "no_identity": Key("a list of fields"),
        "fields": Key("{field: table.Header}", _NEEDED),
        "unused": Key("a list of table.Header"),
        "known_limits": Key("text"),
        "open": Key("a list of {column, question, write}"),
    },
    "an open question": {
        "column": Key("table.Header, where it is about a column"),
        "question": Key("text", _NEEDED),
        "write": Key("text", _NEEDED),
    },
    "a table": {
        "headers": Key("a list of headers", _NEEDED),
        "rows": Key("records, suspects, done, markers or children"),
        "key": Key("a list of headers"),
        "child": _TEST,
        "suspect": _TEST,
        "other": _TEST,
        "keep": _TEST,
        "join": Key("{on: [H, ...]}"),
        "optional": Key("true"),
    },
    "a join": {
        "on": Key("a list of headers", _NEEDED),
        "in_force_at": Key("table.Header"),
        "from": Key("a header"),
        "to": Key("a header"),
        "many": Key("true"),
    },
    "how files are read": {
        "encoding": Key("a list of encodings"),
        "delimiter": Key('a list such as [",", ";", tab]'),
        "dates": Key("a list of formats such as dd/mm/yyyy"),
        "two_digit_years": Key("{from: 1930}"),
        "timezone": Key("a timezone, such as Europe/London"),
        "decimal": Key('"." or ","'),
        "list": Key('what joins the codes of a list, such as ";"'),
        "blank": Key('a list of what means blank, such as ["", NULL]'),
        "header_case": Key("ignore or exact"),
        "header_space": Key("ignore or exact"),
        "value_case": Key("ignore or exact"),
        "code_prefix": Key('a list of what ends a code, such as [")"]'),
    },
    "two_digit_years": {"from": Key("a year", _NEEDED)},
    "what the source holds": {
        "actions": Key("all, none or a list of codes", _NEEDED),
        "markers": _YES_NO,
        "suspects": _YES_NO,
        "contact": _YES_NO,
        "indicators": _YES_NO,
    },
    "a source": {
        "from": Key("table.Header, or a list of these"),
        "first_of": Key("a list of sources"),
        "date": Key("a source"),
        "text": Key('text such as "903-{table.H}"'),
        "always": Key("a value"),
        "differ": Key("warn or reject"),
        "time": Key("a source"),
        "time_as": Key("a format of times, such as hhmm"),
        "values": Key("{cell: code}"),
        "otherwise": Key("blank, warn, reject or a code"),
        "as": Key("text"),
        "pad": Key("a whole number"),
        "upper": Key("true"),
        "blank_if": _TEST,
        "when": _TEST,
    },
}
"""Part of a mapping -> its keys, in the order in which the docs show them."""

FORMS: Mapping[str, frozenset[str]] = {
    "from": frozenset({"values", "otherwise", "as", "pad", "upper", "blank_if", "when"}),
    "first_of": frozenset({"differ", "blank_if", "when"}),
    "date": frozenset({"time", "time_as", "pad", "blank_if", "when"}),
    "text": frozenset({"pad", "upper", "blank_if", "when"}),
    "always": frozenset({"blank_if", "when"}),
}
"""Form of a source -> the keys that may stand beside it."""


def take(node: Node | None, shape: str, problems: Problems) -> Taken | None:
    """Return the keys that a part of a mapping has, having reported those that are unknown or missing."""
    if node is None:
        return None
    if not isinstance(node, MapNode):
        refuse_shape(node, f"{shape} has keys: {listed(SHAPES[shape])}", problems)
        return None
    values: dict[str, Node] = {}
    keys: dict[str, Scalar] = {}
    damaged = node.damaged
    for key, value in node.pairs:
        name = key.text if key.text in SHAPES[shape] else unknown_key(key, SHAPES[shape], problems)
        damaged = damaged or name != key.text
        if name and name not in values:
            values[name], keys[name] = value, key
    for name, expected in SHAPES[shape].items():
        if expected.missing and name not in values and not damaged:
            hint = f"write {name}: {expected.takes}"
            problems.report(expected.missing, node.place, f"{shape} without {quoted(name)}", hint)
    return Taken(node.place, values, keys, damaged)
