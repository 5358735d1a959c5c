"""Files of a pack in one layout: block style, keys in the order of the grammar, comments kept.

Braces are written out, since a comma inside them ends a text: `{label: ended, or now}` has two keys. Short lists of
values stay in brackets. What a file means never changes: that is checked before anything is given back.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from riskflags.source import SHAPES
from riskflags.source.nodes import Broken, ListNode, MapNode, Node, Scalar, parse
from riskflags.source.problems import Problems

if TYPE_CHECKING:
    from riskflags.errors import Problem

_WIDTH = 120
_SHORT = 80


class LayoutError(Exception):
    """A file cannot be laid out: it is not the YAML of rules, and `problems` say where and why."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def laid_out(text: str, path: str) -> str:
    """Return the text of a file of a pack in the one layout, with its comments. LayoutError where it cannot be read."""
    before = _read(text, path)
    yaml: Any = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        data: Any = yaml.load(text)
    except YAMLError as error:  # ours reads it and ruamel.yaml does not: leave it as it is, and say so
        problems = Problems()
        problems.report("RF001", before.place, f"the file cannot be laid out: {str(error).splitlines()[0]}")
        raise LayoutError(problems.found()) from error
    _in_blocks(data)
    if isinstance(data, CommentedMap) and "when" in data and "flag" in data:
        _in_order(data, tuple(SHAPES["a rule"]))
    stream = io.StringIO()
    yaml.dump(data, stream)
    found = "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
    if _meaning(_read(found, path)) != _meaning(before):
        problems = Problems()
        problems.report("RF001", before.place, "the file cannot be laid out without changing what it means")
        raise LayoutError(problems.found())
    return found


def _read(text: str, path: str) -> Node:
    problems = Problems()
    node = parse(text.encode(), path, problems)
    if node is None or len(problems):
        raise LayoutError(problems.found())
    return node


def _meaning(node: Node) -> object:
    """Return what a node says, whatever the order of its keys and however it is written."""
    match node:
        case Scalar():
            return node.text, node.is_bare, node.is_empty
        case ListNode():
            return [_meaning(item) for item in node.items]
        case MapNode():
            return {key.text: _meaning(value) for key, value in node.pairs}
        case Broken():
            return None


def _in_blocks(data: Any) -> None:
    """Write braces out, and brackets but for short lists of values."""
    is_map, is_list = isinstance(data, CommentedMap), isinstance(data, CommentedSeq)
    parts: list[Any] = list(data.values()) if is_map else list(data) if is_list else []
    nested = any(isinstance(part, CommentedMap | CommentedSeq) for part in parts)
    if parts and (is_map or nested or _length(parts) > _SHORT):
        data.fa.set_block_style()
    for part in parts:
        _in_blocks(part)


def _length(items: list[Any]) -> int:
    return sum(len(str(item)) + 2 for item in items)


def _in_order(data: Any, keys: tuple[str, ...]) -> None:
    """Put the keys of a rule into the order of the grammar."""
    for key in (key for key in keys if key in data):
        data.move_to_end(key)
