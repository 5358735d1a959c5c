"""The page of the rule language: every key, operator and function, from the tables that the loader reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from riskflags.calendar import CALENDARS, Unit
from riskflags.condition import EVERY_KIND, OPERATORS
from riskflags.derive import FUNCTIONS
from riskflags.kinds import EXAMPLES
from riskflags.model import Severity, State
from riskflags.pack import NONE_COUNTS, LookUpFunction
from riskflags.report.reference.markdown import anchor, code, codes, page, table
from riskflags.source import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.condition import Operator
    from riskflags.pack import Pack

_TAKES = {
    "one": "a value, `{field: name}`, or `{param: name}` for a number",
    "two": "both ends, which are both in",
    "many": "a list of codes, `{list: name}` or `{field: name}`",
    "yes_no": "true or false",
}
_ARGUMENTS = {
    "two days": "two dates or moments",
    "two moments": "two moments",
    "two numbers": "two numbers of one unit",
    "any": "names of one kind",
    "texts": "names of texts, codes or lists of codes",
    "a list": "a list of codes, and where wanted a list to count within",
    "a person": "`{of: child or suspect, on: a date or a moment}`",
    "two people": "`{older: suspect, younger: child, on: a date or a moment}`",
}
_LOOK_UPS = {
    "how_many": "how many items there are",
    "how_many_different": "how many different values of `of` they have",
    "earliest": "the earliest moment of `of`",
    "latest": "the latest moment of `of`",
    "union": "every value of `of`, as a list of codes",
}
_STATES = {
    State.overdue: "No record of the action, and the deadline has passed. A gap.",
    State.done_late: "On record, after the deadline. A gap.",
    State.cannot_tell: "It turns on a time that is not known, or the source does not hold the action.",
    State.undated: "On record without a time.",
    State.not_yet_due: "No record of the action, and it is still in time.",
    State.done: "On record, in time.",
    State.waived: "Waived, by a record that gives a reason.",
}
_CONDITIONS = """\
One condition is one key: `child.in_care: true`, or with an operator `calc.child_age: {less_than: 16}`. Several
operators on one name must all hold. These join conditions or read what is known by name:

| key | holds where |
| --- | --- |
| `all: [...]` | every condition holds |
| `any: [...]` | at least one does |
| `none: [...]` | none of them does |
| `at_least_of: {many: 2, of: [...]}` | so many of them do |
| `use: name` | the named condition of vocabulary.yaml does |
| `flag: rule-id` | that rule has flagged the record; or `{family: [E, M], severity: {at_least: high}}` |
| `gap: {action: name}` | a required action has no record in time; `state` and `late_by` narrow it |

Names that can be read: every field, every derived value (`calc.name`), `param.name`, and `as_of`, the moment of
looking. `severity` can be read in the `when` of a deadline and of a required action. In a look-up, `this.name` is the
record's own. A comparison with a value that is absent or not exactly known is undecided where the value matters."""


def language_page(pack: Pack) -> str:
    """Return the page of the rule language; `pack` is what it takes its fields from."""
    kinds = ((code(kind), example) for kind, example in EXAMPLES.items())
    return page(
        "The rule language",
        "Every key, operator and function that a pack can use. [Writing rules](../writing-rules.md) explains them.",
        f"## Conditions\n\n{_CONDITIONS}",
        f"## Operators\n\n{table(['operator', 'kinds', 'takes', 'reads'], map(_operator, OPERATORS.values()))}",
        f"## Kinds\n\n{table(['kind', 'a value is'], kinds)}",
        f"## Derived values\n\n{table(['function', 'takes', 'gives', 'which is'], _functions())}",
        f"## Look-ups\n\n{_look_ups()}",
        f"## Durations\n\n{_durations()}",
        f"## Severities and states\n\n{_severities()}",
        f"## Needs\n\n{_needs(pack)}",
        "## Every key",
        *(_shape(shape) for shape in SHAPES),
    )


def _operator(operator: Operator) -> tuple[str, str, str, str]:
    kinds = "any, and the groups of the record" if operator.kinds == EVERY_KIND else codes(sorted(operator.kinds))
    return code(operator.name), kinds, _TAKES[operator.takes], operator.says


def _functions() -> Iterator[tuple[str, str, str, str]]:
    for function in FUNCTIONS.values():
        gives = code(function.gives) if function.gives else "the kind of its arguments"
        yield code(function.name), _ARGUMENTS[function.takes], gives, function.meaning


def _look_ups() -> str:
    rows = [(code(name), _LOOK_UPS[name]) for name in get_args(LookUpFunction)]
    return (
        "`in` says what is looked at: other `records`, or this record's actions `done`, `markers` or `suspects`. "
        "`where` is a condition on each item. Over records, `by` says what they share and `window` how far back; "
        f"`others: true` leaves this record out.\n\n{table(['look-up', 'gives'], rows)}"
    )


def _durations() -> str:
    counted = [unit for unit in get_args(Unit) if unit.endswith("s")]
    alone = [unit for unit in get_args(Unit) if not unit.endswith("s")]
    return (
        f"A whole number and a unit: {codes(counted)}; or {' or '.join(map(code, alone))}. Minutes and hours are "
        "elapsed time. Days to years keep the local time of day. Working days count from the day after, and end with "
        f"the last second of the last. Calendars of working days: {codes(CALENDARS)}, or the code of a country or of "
        "a part of it, such as `IE`."
    )


def _severities() -> str:
    severities = " < ".join(code(name) for name in Severity.__members__)
    return f"{severities}\n\n{table(['state', 'of a requirement'], ((code(state), _STATES[state]) for state in State))}"


def _needs(pack: Pack) -> str:
    field = next(path for path, info in pack.fields.items() if info.kind == "yes_no" and path.startswith("child."))
    rows = [
        (code(field), "that field of this record"),
        (code("missing.located_at@time"), "the time of day of a field that holds only a day"),
        (code("child.stated_age@exact"), "the exact value of what is known within a range"),
        (code("I7:child.id"), "a field of the incident I7"),
        (code("rejected:12"), "row 12 of the input, which could not be read"),
        (code("done"), "actions that the source does not hold; so too `markers` and `suspects`"),
        (codes(NONE_COUNTS.values()), "one that counts, for an earliest or a latest where none does"),
    ]
    return f"What an undecided rule needs:\n\n{table(['need', 'is'], rows)}"


def _shape(shape: str) -> str:
    rows = [(code(key), one.takes, "yes" if one.missing else "") for key, one in SHAPES[shape].items()]
    return f'<a id="{anchor(shape)}"></a>\n\n### {shape}\n\n{table(["key", "takes", "needed"], rows)}'
