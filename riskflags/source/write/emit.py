"""Data as the text of a YAML file in block style, which the loader reads as the same data.

Only what a pack is made of: keys with values, lists, text, numbers, days, yes and no. Text that would be read as
anything else is put in quotes. Short lists of values stand in brackets; nothing stands in braces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import assert_never, cast

import yaml

from riskflags.errors import NOWHERE
from riskflags.source.nodes import Scalar, is_refused

Written = str | bool | int | Decimal | date | None | Mapping[str, "Written"] | Sequence["Written"]
"""What stands in a file. None is the word `absent`: the value of a field that an example takes away."""

_WIDTH = 100
_SHORT = 80
_SPECIAL = frozenset({"absent", "<<"})
"""Words that mean something to the loader unless they stand in quotes."""


class _Indented(yaml.SafeDumper):
    """PyYAML puts the dash of a list under the key that it belongs to; here it stands two spaces further in."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def in_blocks(data: Mapping[str, Written]) -> str:
    """Return the text of a file that holds these keys and values, in their order."""
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(data),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    text = yaml.emit(events, Dumper=_Indented, width=_WIDTH, allow_unicode=True)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - stubs
    return cast("str", text)


def _events(data: Written) -> Iterator[yaml.Event]:
    match data:
        case Mapping():
            yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
            for key, value in data.items():
                yield _text(key)
                yield from _events(value)
            yield yaml.MappingEndEvent()
        case str():
            yield _text(data)
        case Sequence():
            yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=_is_short(data))
            for item in data:
                yield from _events(item)
            yield yaml.SequenceEndEvent()
        case _:
            yield _scalar(_plain(data), None)


def _is_short(items: Sequence[Written]) -> bool:
    if any(isinstance(item, Sequence | Mapping) and not isinstance(item, str) for item in items):
        return False
    return sum(len(str(item)) + 2 for item in items) <= _SHORT


def _plain(value: bool | int | Decimal | date | None) -> str:  # noqa: FBT001 - one of the values that are written
    match value:
        case None:
            return "absent"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case int() | date():
            return str(value)
        case _:
            assert_never(value)


def _text(text: str) -> yaml.Event:
    """Return text as it is read again: in quotes where it looks like something else or holds what does not show."""
    if is_refused(text) or "\r" in text or "\t" in text:
        return _scalar(text, '"')
    if text in _SPECIAL or Scalar(text, *NOWHERE).is_bare:
        return _scalar(text, "'")
    return _scalar(text, "|" if "\n" in text else None)


def _scalar(text: str, style: str | None) -> yaml.Event:
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)
