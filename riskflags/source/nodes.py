"""YAML as a tree in which every node knows its file, line and column, or the problems that kept it from being one.

Only the plain part of YAML: keys with values, lists and text. No tabs, anchors, aliases, tags, merge keys, duplicate
keys or second documents. A scalar stays the text that was written: what it stands for depends on where it stands, so
`no` and `2026-03-31` have no meaning of their own here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from riskflags.errors import Fix, Place
from riskflags.source.problems import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from riskflags.source.problems import Problems

MOST_BYTES = 1 << 20
DEEPEST = 64
_TOO_DEEP = (f"more than {DEEPEST} levels of lists and keys", "give the inner part a name in vocabulary.yaml")
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may have been built without libyaml
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_REFUSED = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d+)?|0x[\da-fA-F]+|0o[0-7]+|[-+]?\.(inf|nan)", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "~"})


# Named tuples, that keep line and column and not a place: a large pack has a hundred thousand nodes, and most of its
# loading time would go into making them and into the garbage collector's walks over them.


class Scalar(NamedTuple):
    """A piece of text, in quotes or not."""

    text: str
    path: str
    line: int
    column: int
    quoted: bool = False

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.path, self.line, self.column)

    @property
    def is_empty(self) -> bool:
        """True where nothing is written, or an unquoted null."""
        return not self.quoted and self.text in ("", "~", "null")

    @property
    def is_bare(self) -> bool:
        """True for what looks like a number, a yes/no or nothing: as text it needs quotes."""
        return not self.quoted and (not self.text or self.text in _WORDS or bool(_NUMBER.fullmatch(self.text)))

    def replaced_by(self, text: str) -> Fix | None:
        """Return the correction that writes another text here, within the same quotes; None without a text."""
        if not text:
            return None
        return Fix(Place(self.path, self.line, self.column + self.quoted), self.text, text)

    def in_quotes(self) -> Fix:
        """Return the correction that puts the text in quotes."""
        return Fix(self.place, self.text, f'"{self.text}"')


class ListNode(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    path: str
    line: int
    column: int

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.path, self.line, self.column)


class MapNode(NamedTuple):
    """Keys with values, in the order they are written. `damaged`: a problem was reported in the keys themselves."""

    pairs: tuple[tuple[Scalar, Node], ...]
    path: str
    line: int
    column: int
    damaged: bool = False

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.path, self.line, self.column)

    def get(self, key: str) -> Node | None:
        """Return the value of a key."""
        return next((value for name, value in self.pairs if name.text == key), None)


class Broken(NamedTuple):
    """Something that a problem was reported for: nothing more is said about it."""

    place: Place


Node = Scalar | ListNode | MapNode | Broken


def parse(data: bytes, path: str, problems: Problems) -> Node | None:
    """Return the one document of a file, or None: where it is empty, or where a problem says why it cannot be read."""
    text = _decoded(data, path, problems)
    if text is None:
        return None
    builder = _Builder(text, path, problems)
    try:
        return builder.build()
    except yaml.MarkedYAMLError as error:
        if error.problem_mark is None or error.problem_mark.line + 1 not in builder.explained:
            _report_yaml(error, text, path, builder.opened(), problems)
        return None
    except _Stop:
        return None


def _decoded(data: bytes, path: str, problems: Problems) -> str | None:
    """Return the text of a file, or report why it is not text that rules can be written in."""
    if len(data) > MOST_BYTES:
        message = f"the file is larger than {MOST_BYTES >> 20} MiB"
        problems.report("RF001", Place(path), message, "one rule a file; a pack needs no file of this size")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        lines = _LINE_BREAK.split(before)
        problems.knows(path, [*lines[:-1], lines[-1] + "\N{REPLACEMENT CHARACTER}"])
        place = Place(path, len(lines), len(lines[-1]) + 1)
        problems.report("RF001", place, "the file is not in UTF-8", "save it as UTF-8 in the editor")
        return None
    lines = _LINE_BREAK.split(text)
    problems.knows(path, lines)
    if odd := _REFUSED.search(text):
        place = _place_of(text, odd.start(), path)
        message = f"a character that is not text (U+{ord(odd[0]):04X})"
        problems.report("RF001", place, message, "take it out: it may not even show in the editor")
        return None
    if "\t" in text:
        where = _place_of(text, text.index("\t"), path)
        count = sum("\t" in line for line in lines)
        also = f" (and in {count - 1} more lines)" if count > 1 else ""
        problems.report("RF001", where, f"a tab{also}", "put spaces in its place: rules are indented with spaces")
        return None
    return text


def is_refused(text: str) -> bool:
    """Return whether a text holds a character that can stand in a file only as an escape in double quotes."""
    return _REFUSED.search(text) is not None


def _place_of(text: str, index: int, path: str) -> Place:
    lines = _LINE_BREAK.split(text[:index])
    return Place(path, len(lines), len(lines[-1]) + 1)


class _Stop(Exception):  # noqa: N818 - no error: the problem was reported, and the rest of the file would mislead
    """The rest of the file is not looked at."""


@dataclass(slots=True)
class _Open:
    """A list or a mapping that is being read: its nodes so far, and the keys that it has seen."""

    place: Place
    is_map: bool
    is_flow: bool
    nodes: list[Node] = field(default_factory=list["Node"])
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list[tuple[Scalar, "Node"]])
    key: Node | None = None
    key_end: int = 0
    first: dict[str, Scalar] = field(default_factory=dict[str, Scalar])
    damaged: bool = False


def _events(text: str) -> Iterator[yaml.Event]:
    return yaml.parse(text, Loader=FAST)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - stubs


class _Builder:
    """Turns the events of the parser into nodes, with a stack of its own, so that depth cannot hurt."""

    def __init__(self, text: str, path: str, problems: Problems) -> None:
        self._text = text
        self._path = path
        self._problems = problems
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0
        self.explained: set[int] = set()
        """Lines in which a word without a value already explains what the parser stumbles over."""

    def opened(self) -> Place | None:
        """Return where the innermost bracket or brace stands that is open."""
        return self._stack[-1].place if self._stack and self._stack[-1].is_flow else None

    def build(self) -> Node | None:
        """Return the root of the tree."""
        takes: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        for event in _events(self._text):
            if (take := takes.get(type(event))) is not None:
                take(event)
        root = self._root
        return None if isinstance(root, Scalar) and root.is_empty else root

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._path, mark.line + 1, mark.column + 1)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "one document a file: take the line --- out, or put what follows into a file of its own"
            self._problems.report("RF001", self._place(event), "a second document in one file", hint)
            raise _Stop
        if event.version or event.tags:
            self._problems.report("RF001", self._place(event), "a YAML directive", "take the line with % out")

    def _scalar(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse_marks(event, self._place(event))
        mark = event.start_mark
        node = Scalar(event.value, self._path, mark.line + 1, mark.column + 1, bool(event.style))
        self._add(node, event.end_mark.index)

    def _refuse_marks(self, event: Any, place: Place) -> None:
        """Report an anchor or a tag; the node itself can still be read."""
        if event.anchor is not None:
            hint = "give it a name in vocabulary.yaml, and say {use: name}, {list: name} or {param: name}"
            self._problems.report("RF001", place, f"an anchor: &{event.anchor}", hint)
        elif event.tag is not None:
            hint = "take it out: what a value stands for follows from where it stands"
            self._problems.report("RF001", place, f"a tag: {quoted(event.tag)}", hint)

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        parent = self._stack[-1] if self._stack else None
        merged = parent is not None and isinstance(parent.key, Scalar) and parent.key.text == "<<"
        if not merged:
            hint = (
                "write it out, or give it a name in vocabulary.yaml and say {use: name}, {list: name} or {param: name}"
            )
            self._problems.report("RF001", place, f"an alias: *{event.anchor}", hint)
        self._add(Broken(place), event.end_mark.index)

    def _open(self, event: Any) -> None:
        place = self._place(event)
        self._refuse_marks(event, place)
        if len(self._stack) >= DEEPEST:
            self._problems.report("RF001", place, *_TOO_DEEP)
            raise _Stop
        is_map = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(_Open(place, is_map=is_map, is_flow=bool(event.flow_style)))

    def _close(self, event: Any) -> None:
        top = self._stack.pop()
        end: int = event.end_mark.index
        if top.is_map:
            self._add(MapNode(tuple(top.pairs), *top.place, top.damaged), end)
        else:
            self._add(ListNode(tuple(top.nodes), *top.place), end)

    def _add(self, node: Node, end: int) -> None:
        """Put a finished node where it belongs: in the list, as a key or as the value of the last key."""
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if not top.is_map:
            top.nodes.append(node)
        elif top.key is None:
            top.key, top.key_end = node, end
        else:
            key, top.key = top.key, None
            self._pair(top, key, node)

    def _pair(self, top: _Open, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            if not isinstance(key, Broken) and not (isinstance(key, MapNode) and key.damaged):
                hint = "put text that begins with { or [ in quotes"
                self._problems.report("RF001", key.place, "a key that is not text", hint)
            top.damaged = True
        elif key.text == "<<" and not key.quoted:
            hint = "write the keys out: a file says all that it means"
            self._problems.report("RF001", key.place, "a merge key", hint)
            top.damaged = True
        elif self._lacks_value(top, key, value):
            top.damaged = True
        elif key.text in top.first:
            first = top.first[key.text].place
            message = f"{quoted(key.text)} stands twice in one place: first at {first}"
            self._problems.report("RF001", key.place, message, "keep one of the two")
            top.damaged = True
        else:
            top.first[key.text] = key
            unwritten = isinstance(value, Scalar) and not value.text and not value.quoted
            top.pairs.append((key, Scalar("", key.path, key.line, key.column) if unwritten else value))

    def _lacks_value(self, top: _Open, key: Scalar, value: Node) -> bool:
        """Report a word in braces that became a key because a comma stands before it."""
        if not (top.is_flow and isinstance(value, Scalar) and not value.text and not value.quoted):
            return False
        if self._text[top.key_end : top.key_end + 200].lstrip().startswith(":"):
            return False
        hint = f"write {key.text}: and its value, or put the text in quotes"
        if top.pairs and isinstance(top.pairs[-1][1], Scalar):
            before, said = top.pairs[-1][0].text, top.pairs[-1][1].text
            hint = f'the comma ended the text: put it in quotes\n{before}: "{said}, {key.text}"'
        self.explained.add(key.place.line)
        self._problems.report("RF012", key.place, f"no value after {quoted(key.text)}", hint)
        return True


# ---- what the parser says, in plain words ----------------------------------------------------------------------------

_UNLIKE = "this does not fit the lines above it"
_INDENT = "indent keys that belong together alike; put text that begins with { [ or a quote in quotes as a whole"
_NO_KEY = "a line that is no key with a value"
_KEY = "write `key: value`, with a space after the colon"
_SAID: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values",
        "a colon where no key can stand",
        'put text that holds ": " in quotes, and indent keys that belong together alike',
    ),
    ("cannot start any token", "text cannot begin with this character", "put the text in quotes"),
    ("unknown escape", "a backslash in double quotes", "use single quotes, or write two backslashes"),
    ("expected ':'", _NO_KEY, _KEY),
    ("nesting depth", *_TOO_DEEP),  # libyaml stops at 1,000 levels, from 0.2.6 on
    ("<document start>", "the file goes on where it should have ended", "indent what belongs together alike"),
    ("sequence entries", "a dash where no list can stand", "begin the list in a line of its own"),
    ("expected <block end>", _UNLIKE, _INDENT),
    ("expected key", _UNLIKE, _INDENT),
    ("expected '-' indicator", _UNLIKE, _INDENT),
)
"""Words of the parser (PyYAML or libyaml) -> what is wrong, and what to write."""


def _report_yaml(error: yaml.MarkedYAMLError, text: str, path: str, opened: Place | None, problems: Problems) -> None:
    said = error.problem or "it cannot be read"
    mark, context = error.problem_mark, error.context_mark
    if mark is None:
        problems.report("RF001", Place(path), f"not YAML: {quoted(said)}")
        return
    at = Place(path, mark.line + 1, mark.column + 1)
    if context is not None and "end of stream" in said:
        opened = Place(path, context.line + 1, context.column + 1)  # a quote
    in_flow = "end of stream" in said or "',' or" in said or "node content" in said
    if opened is not None and in_flow and opened.line != at.line:
        sign = _LINE_BREAK.split(text)[opened.line - 1][opened.column - 1 : opened.column]
        problems.report("RF001", opened, f"what {sign} opens here is not closed", f"the reading stopped at {at}")
    elif in_flow:
        hint = 'put a comma between items, and text that holds ": " or a quote in quotes'
        problems.report("RF001", at, "this does not fit inside brackets or braces", hint)
    else:
        if context is not None and "expected ':'" in said:
            at = Place(path, context.line + 1, context.column + 1)
        known = ((message, hint) for part, message, hint in _SAID if part in said)
        message, hint = next(known, (f"not YAML: {quoted(said)}", "put text in quotes where it holds signs of its own"))
        problems.report("RF001", at, message, hint)
