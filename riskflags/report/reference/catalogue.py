"""The catalogue of a pack: its rules by family, in words alone, for those who will never see how a rule is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from riskflags.calendar import Duration
from riskflags.condition import OPERATORS, Comparison, Condition, Constant, Group, Named, Operand
from riskflags.model import Codes, Number, Severity, Value
from riskflags.pack import Computed, FlagReading, GapReading, LookUp, Window
from riskflags.report.phrases import listed, owner_words, plain, sentence
from riskflags.report.reference.markdown import anchor, page, table
from riskflags.report.reference.packs import cited
from riskflags.words import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from riskflags.calendar import Span
    from riskflags.pack import Ask, Derived, Due, Pack, Reading, Rule

FAMILIES = {
    "C": "Care and protection", "D": "Domestic abuse", "E": "Exploitation and harm", "M": "Missing children",
    "O": "Suspects and networks", "Q": "What is on record", "T": "Whether it was done in time",
}  # fmt: skip
"""Letter of rule codes -> what the family is about; another letter stands for itself."""
_GROUPS = {"all": "all of these", "any": "any of these", "none": "none of these"}
_MOST_SHOWN = 12
_SAME_DAY = "same day"


def catalogue_page(pack: Pack) -> str:
    """Return the page: what each active rule looks for, what it asks of whom and by when, why, and its limits."""
    rules = sorted((one for one in pack.rules if one.status == "active"), key=lambda one: (_letters(one), _number(one)))
    families = sorted({_letters(one) for one in rules})
    about = (
        f"{pack.title}, version {pack.version}: {len(rules)} rules. A rule raises a flag; a flag asks for actions, "
        "each with an owner and a deadline. Where what a rule needs is not on record, it is undecided and says what "
        "is missing: no flag does not mean that there is no risk."
    )
    parts = [about]
    for letters in families:
        own = [one for one in rules if _letters(one) == letters]
        parts.append(f"## {FAMILIES.get(letters, letters)}")
        parts += [_rule(one, pack) for one in own]
    parts += ["## Words that rules share", *(_shared(pack))]
    return page(f"Catalogue of {pack.title}", *parts)


def _letters(rule: Rule) -> str:
    return rule.code.rstrip("0123456789")


def _number(rule: Rule) -> int:
    return int(rule.code.removeprefix(_letters(rule)))


def _rule(one: Rule, pack: Pack) -> str:
    told = _Words(pack, one)
    each = " Decided for each suspect." if one.for_each else ""
    stops = [line for condition in one.unless for line in told.lines(condition, 0)]
    asks = [told.asked(ask) for ask in one.requires]
    rows = [(what, owner, when) for what, owner, when in asks]
    parts = [
        f"### {one.code} {one.title}",
        f"{one.why}{each}",
        "It looks for:\n\n" + "\n".join(told.lines(one.when, 0)),
        f"It is not raised where it is known that:\n\n{chr(10).join(stops)}" if stops else "",
        f"Severity: {told.severity()}.",
        table(["it asks for", "of whom", "by when"], rows) if rows else "It asks for nothing: it reports.",
        f"What it cannot tell: {one.known_limits}" if one.known_limits else "",
        "Sources:\n\n" + cited(one.source, pack) if one.source else "",
    ]
    return "\n\n".join(filter(None, parts))


class _Words:
    """The words for what one rule reads: the labels of its own values, of the pack's, and of fields."""

    def __init__(self, pack: Pack, rule: Rule | None = None) -> None:
        self.pack = pack
        self.rule = rule
        own = rule.derived if rule is not None else ()
        self.derived: dict[str, Derived] = {**pack.derived, **{one.name: one for one in own}}

    def lines(self, condition: Condition, depth: int) -> list[str]:
        """Return a condition as a list in a list."""
        indent = "  " * depth
        match condition:
            case Comparison():
                return [f"{indent}- {self.comparison(condition)}"]
            case Named():
                return [f"{indent}- {_named(condition)}"]
            case Group(kind="at_least_of"):
                inner = [line for one in condition.conditions for line in self.lines(one, depth + 1)]
                return [f"{indent}- at least {condition.many} of these:", *inner]
            case Group():
                inner = [line for one in condition.conditions for line in self.lines(one, depth + 1)]
                return [f"{indent}- {_GROUPS[condition.kind]}:", *inner]
            case _:
                assert_never(condition)

    def comparison(self, one: Comparison) -> str:
        """Return a comparison in words."""
        if one.name in self.pack.readings:
            return self.reading(self.pack.readings[one.name])
        says = OPERATORS[one.operator].says
        name = self.name(one.name)
        if one.operator == "recorded":
            return f"{name}: {'on record' if _is_wanted(one) else 'not on record'}"
        if one.name == "severity":
            return f"the flag is {'' if one.positive else 'not '}{'' if says == 'is' else f'{says} '}{_severities(one)}"
        operands = " and ".join(self.operand(operand) for operand in one.operands)
        return f"{name}: {'' if one.positive else 'not '}{'' if says == 'is' else f'{says} '}{operands}"

    def reading(self, reading: Reading) -> str:
        """Return what flags or gaps are looked for."""
        match reading:
            case FlagReading():
                least = f" at {reading.at_least} or above" if reading.at_least > Severity.low else ""
                return f"a flag of {self.codes_of(reading.rules)}{least}"
            case GapReading():
                states = listed(sorted(plain(str(state)) for state in reading.states), last="or")
                labels = sorted(self.pack.actions[key].label for key in reading.actions)
                if len(labels) > _MOST_SHOWN:
                    asked = f" that {self.codes_of(reading.rules)} asks for" if reading.rules is not None else ""
                    return f"{states}: any action{asked}"
                return f"{states}: {listed(labels, last='or')}"
            case _:
                assert_never(reading)

    def codes_of(self, rules: frozenset[str]) -> str:
        """Return rules by their codes."""
        codes = sorted({rule.code for rule in self.pack.rules if rule.id in rules})
        return listed(codes, last="or") if codes else "no rule"

    def name(self, name: str) -> str:
        """Return what a name stands for."""
        bare = name.removeprefix("this.")
        if bare in self.derived and bare.rpartition("/")[2].startswith("first_recorded("):
            how = self.derived[bare].how
            if not isinstance(how, Computed):
                return bare
            first, *others = map(self.name, how.names)
            return ", or else ".join([first, *map(_small, others)])
        if bare in self.derived:
            label, window = self.derived[bare].label or plain(bare), self.window(self.derived[bare])
            return sentence(f"{label.replace(' in the window', '')} ({window})" if window else label)
        if bare.startswith("param."):
            return self.param(bare.removeprefix("param."))
        if bare in self.pack.fields:
            return self.pack.fields[bare].description.removesuffix("; required")
        return {
            "as_of": "the time of the run",
            "missing": "Anything about a missing episode",
            "contact": "Any contact",
        }.get(bare, plain(bare))

    def window(self, derived: Derived) -> str:
        """Return how far back a value looks; nothing for one that looks at no other record, or tells it itself."""
        match derived.how:
            case LookUp(over="records", window=Window(back=None, last=0)):
                return "in all records"
            case LookUp(over="records", window=Window(back=back)) if back is not None:
                return f"in {self.span(back).replace(' (', ', ').removesuffix(')')}"
            case Computed(names=names):
                inner = (self.window(self.derived[one]) for one in names if one in self.derived)
                return next(filter(None, inner), "")
            case _:
                return ""

    def operand(self, operand: Operand) -> str:
        if isinstance(operand, Constant):
            return _value(operand.value)
        name = self.name(operand.name)
        return name if operand.name.startswith("param.") else _small(name)

    def param(self, name: str) -> str:
        """Return the value of a parameter that is in force last, with a word where it is our own choice."""
        param = self.pack.params[name]
        value = param.values[-1][1]
        words = str(value) if isinstance(value, Duration) else f"{value:f}"
        return f"{words}{' (local default)' if param.is_local else ''}"

    def severity(self) -> str:
        """Return how serious the flag is, and when."""
        cases = self.rule.flag.severity if self.rule is not None else ()
        told = [f"{one.severity} where {self.inline(one.when)}" if one.when else f"{one.severity}" for one in cases]
        return "; else ".join(told)

    def inline(self, condition: Condition) -> str:
        """Return a condition in one line."""
        match condition:
            case Comparison(operator="recorded"):
                name = _small(self.name(condition.name))
                is_not = "" if _is_wanted(condition) else "not "
                return f"it is {is_not}on record {name}" if name.startswith("when ") else f"{name} is {is_not}on record"
            case Comparison():
                return _small(self.comparison(condition))
            case Named():
                return _named(condition)
            case Group():
                parts = [self.inline(one) for one in condition.conditions]
                if condition.kind == "at_least_of":
                    return f"at least {condition.many} of: {', or '.join(parts)}"
                joined = (", and " if condition.kind == "all" else ", or ").join(parts)
                return f"it is not so that {joined}" if condition.kind == "none" else joined
            case _:
                assert_never(condition)

    def where(self, condition: Condition | None) -> str:
        """Return in brackets when an action is asked for; nothing where it always is."""
        match condition:
            case None:
                return ""
            case Group(kind="none", conditions=conditions):
                return f" (unless {', or '.join(map(self.inline, conditions))})"
            case Group(kind="all", conditions=conditions):
                return "".join(map(self.where, conditions))
            case _:
                return f" (where {self.inline(condition)})"

    def asked(self, ask: Ask) -> tuple[str, str, str]:
        """Return one line of what a rule asks for: what, of whom, by when."""
        action = self.pack.actions[ask.action]
        due = "; else ".join(self.due(one) for one in ask.due or action.due)
        what = f"{sentence(action.label)}{self.where(ask.when)}{self.where(action.when)}"
        return what, owner_words(action.owner, self.pack.roles), due

    def due(self, one: Due) -> str:
        """Return one deadline in words."""
        anchor, span = _small(self.name(one.anchor)), self.span(one.within)
        where = f", where {self.inline(one.when)}" if one.when is not None else ""
        return f"{f'the {span} as' if span == _SAME_DAY else f'{span} after'}: {anchor}{where}"

    def span(self, span: Span) -> str:
        return str(span) if isinstance(span, Duration) else self.param(span.param)


def _named(one: Named) -> str:
    """Return a condition that rules share by its name, which leads to what it stands for."""
    name = plain(one.name)
    return f"{'' if one.positive else 'not: '}[{name}](#{anchor(name)})"


def _small(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def _is_wanted(one: Comparison) -> bool:
    """Return whether a comparison asks that something is on record, not that it is not."""
    wanted = isinstance(one.operands[0], Constant) and one.operands[0].value is True
    return wanted is one.positive


def _severities(one: Comparison) -> str:
    found = (operand.value for operand in one.operands if isinstance(operand, Constant))
    return listed((str(Severity(int(value.low))) for value in found if isinstance(value, Number)), last="and")


def _value(value: Value) -> str:
    if isinstance(value, Codes):
        return listed(sorted(map(plain, value.known)), last="or")
    return plain(in_words(value))


def _shared(pack: Pack) -> Iterator[str]:
    """Yield what each named condition and each look-up of the pack stands for."""
    told = _Words(pack)
    for one in pack.conditions.values():
        yield f"### {sentence(plain(one.name))}\n\n" + "\n".join(told.lines(one.condition, 0))
    yield from _looked_up(told, pack.derived.values())


def _looked_up(told: _Words, derived: Iterable[Derived]) -> Iterator[str]:
    for one in derived:
        if isinstance(one.how, LookUp) and one.how.where is not None and one.label:
            yield f"**{one.label}** counts where:\n\n" + "\n".join(told.lines(one.how.where, 0))
