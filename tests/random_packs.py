"""Random packs: rules of every form over the names of the rich pack, which random incidents fill.

Each rule may read the flags and gaps of those before it. The packs are written as YAML and loaded, as a practitioner's
are.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from conformance_cases import read, write_pack
from hypothesis import strategies as st
from incidents import START

from riskflags import Pack
from riskflags.condition import OPERATORS
from riskflags.fields import catalogue
from riskflags.pack import Computed, LookUp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

    from riskflags.kinds import KindName
    from riskflags.pack import Derived

    Data = dict[str, Any]

RICH = Path(__file__).parent / "rich_pack.yaml"
VALUES: dict[str, tuple[Any, ...]] = {
    "incident.type": ("missing_episode", "online_contact", "other"),
    "incident.team": ("Red", "Blue"),
    "incident.indicators": ("debt", "drugs", "hotel"),
    "incident.address_id": ("P1", "P2"),
    "child.id": ("C1", "C2"),
    "child.role": ("victim", "missing", "witness"),
    "child.home_address_id": ("P1", "P2", "P3"),
    "contact.channels": ("social_media", "phone"),
    "suspect.id": ("S1", "S2"),
    "suspect.relationship": ("parent", "stranger", "unknown"),
    "calc.places": ("P1", "P2"),
}
"""Words that the names of random incidents hold."""
FIELDS = (
    *(name for name in VALUES if not name.startswith("calc.")),
    "incident.occurred_at", "incident.reported_at", "incident.crime_recorded_at", "child.in_care",
    "child.protection_plan", "child.date_of_birth", "child.stated_age", "missing.last_seen_at", "missing.reported_at",
    "missing.located_at", "contact.met", "contact.sexual_content", "suspect.is_adult", "suspect.date_of_birth",
    "suspect.stated_age", "suspect.identified_at",
)  # fmt: skip
"""Fields that random incidents may fill."""
OF_SUSPECTS = frozenset({"calc.gap", "calc.suspect_age", "calc.victims", "calc.about_suspect"})
SPANS = frozenset({"calc.days", "calc.hours"})
"""Numbers in units of their own, which compare with no other name."""
FIRST, LATER = ("visit", "crime", "marker", "plan"), ("letter", "review")
"""Actions that rules may require: those whose gaps are read, and those of the rules that read them."""
SEEN = "seen"
"""A rule that looks at one record alone, so that look-ups of the others may read its flags and gaps."""
READING_FROM = 2
"""The first rule that reads flags and gaps of those before it; a gap that it reads is of an action of FIRST."""
SEVERITIES = st.sampled_from(("low", "medium", "high", "critical"))
_MOMENTS = st.integers(0, 6 * 24).map(lambda hours: (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M"))
_DAYS = st.integers(0, 6).map(lambda days: (START + timedelta(days=days)).date().isoformat())
_BORN = st.sampled_from(("1990-03-05", "2000-02-29", "2008-03-04", "2010-03-04", "2012-03-06"))


@cache
def written() -> Data:
    """Return the rich pack as it is written."""
    return read(RICH)


@cache
def derived() -> Mapping[str, Derived]:
    """Return the derived values of the rich pack."""
    with TemporaryDirectory() as folder:
        write_pack(Path(folder), written())
        return Pack.load(folder).derived


@cache
def kinds() -> Mapping[str, KindName]:
    """Return the kind of each name that random rules read."""
    found: dict[str, KindName] = {path: catalogue()[path].kind for path in FIELDS}
    derived_kinds: dict[str, KindName] = {name: one.kind for name, one in derived().items() if name.startswith("calc.")}
    return found | derived_kinds


def _is_alone(name: str) -> bool:
    """Return whether a name is read off one record alone."""
    how = derived()[name].how if name in derived() else None
    match how:
        case Computed():
            return all(map(_is_alone, how.names))
        case LookUp():
            return how.over != "records"
        case None:
            return True


# ---- conditions ------------------------------------------------------------------------------------------------------


def _constants(name: str, kind: KindName) -> SearchStrategy[Any]:
    match kind:
        case "number":
            return st.sampled_from((0, 1, 2, 3, 5, 12, 16, 18, 30))
        case "yes_no":
            return st.booleans()
        case "date":
            return _BORN
        case "moment":
            return st.one_of(_MOMENTS, _DAYS)
        case "text" | "code" | "codes":
            return st.sampled_from(VALUES[name])


def _may_stand_right(kind: KindName, other: str) -> bool:
    """Return whether a name may stand on the right of one of a kind."""
    if other in SPANS or kinds()[other] == "codes":
        return False
    words = ("text", "code")
    return kinds()[other] == kind or (kind in (*words, "codes") and kinds()[other] in words)


@st.composite
def _comparisons(draw: DrawFn, names: tuple[str, ...]) -> Data:
    name = draw(st.sampled_from(names))
    kind = kinds()[name]
    operator = draw(st.sampled_from([o for o in OPERATORS.values() if kind in o.kinds]))
    constants = _constants(name, kind)
    alike = [] if name in SPANS else [other for other in names if _may_stand_right(kind, other)]
    one = st.one_of(constants, st.sampled_from(alike).map(lambda other: {"field": other})) if alike else constants
    if kind == "number":
        one = st.one_of(one, st.just({"param": "limit"}))
    match operator.takes:
        case "yes_no":
            value: Any = draw(st.booleans())
        case "one":
            value = draw(one)
        case "two":
            value = [draw(one), draw(one)]
        case "many":
            value = draw(st.lists(constants, min_size=1, max_size=2, unique=True))
    return {name: {operator.name: value}}


@st.composite
def _groups(draw: DrawFn, inner: SearchStrategy[Data]) -> Data:
    kind = draw(st.sampled_from(("all", "any", "none", "at_least_of")))
    parts = draw(st.lists(inner, min_size=1, max_size=3))
    return {kind: parts if kind != "at_least_of" else {"many": draw(st.integers(1, len(parts))), "of": parts}}


def _conditions(names: tuple[str, ...], *others: SearchStrategy[Data], named: bool = True) -> SearchStrategy[Data]:
    """Return conditions on names, named conditions, groups that are recorded, and others."""
    uses = st.sampled_from(tuple(written()["conditions"])).map(lambda name: {"use": name})
    recorded = st.tuples(st.sampled_from(("missing", "contact")), st.booleans())
    leaves = [
        _comparisons(names),
        _comparisons(names),
        *([uses] if named else []),
        recorded.map(lambda r: {r[0]: {"recorded": r[1]}}),
    ]
    return st.recursive(st.one_of(*leaves, *others), _groups, max_leaves=4)


# ---- look-ups of a rule's own ----------------------------------------------------------------------------------------


@st.composite
def _look_ups(draw: DrawFn, *, of_suspects: bool, chained: bool) -> Data:
    over = draw(st.sampled_from(("records", "records", "done", "markers", "suspects")))
    function = draw(st.sampled_from(("how_many", "how_many_different", "earliest", "latest", "union")))
    times = {"records": "incident.reported_at", "done": "action.at", "markers": "marker.placed_at"}
    values = {"records": "incident.address_id", "done": "action.code", "markers": "marker.target_id"}
    times["suspects"], values["suspects"] = "suspect.identified_at", "suspect.relationship"
    found: Data = {"in": over}
    if function in ("how_many_different", "union"):
        found["of"] = values[over]
    elif function != "how_many":
        found["of"] = times[over]
    wheres = st.one_of(_wheres(over), _seen()) if chained and over == "records" else _wheres(over)
    if where := draw(st.one_of(st.none(), wheres)):
        found["where"] = where
    if over == "records":
        keys = ("child.id", "incident.address_id", *(("suspect.id",) if of_suspects else ()))
        found["by"] = [draw(st.sampled_from(keys))]
        back: Any = draw(
            st.sampled_from(({"back": "2 days"}, {"back": {"param": "span"}}, {"back": "36 hours"}, "all"))
        )
        found["window"] = back if back == "all" or draw(st.booleans()) else back | {"up_to": "as_of"}
        if draw(st.integers(0, 3)) == 0:
            found["window"] = {"last": draw(st.integers(1, 3)), "of": draw(wheres)}
        if draw(st.booleans()):
            found["others"] = True
    return {"label": "Looked up", function: found}


def _asked_of_own(look_up: Data, when: str, many: int) -> Data:
    """Return what is asked of the value of a look-up, by its kind."""
    if "union" in look_up:
        held = {"records": ["P1"], "done": ["visit"], "markers": ["P1"], "suspects": ["stranger"]}
        return {"has_any": held[look_up["union"]["in"]]}
    return {"after": when} if {"earliest", "latest"} & look_up.keys() else {"at_least": many}


def _wheres(over: str) -> SearchStrategy[Data]:
    """Return a condition on what a look-up looks at."""
    match over:
        case "records":
            return st.sampled_from((
                {"incident.type": "missing_episode"},
                {"incident.team": {"is": {"field": "this.incident.team"}}},
                {"any": [{"child.role": "victim"}, {"contact.met": True}]},
                {"incident.reported_at": {"before": {"field": "this.incident.reported_at"}}},
            ))  # fmt: skip
        case "done":
            return st.sampled_from((
                {"action.code": "visit"},
                {"all": [{"action.outcome": "completed"}, {"action.at": {"recorded": True}}]},
                {"action.at": {"after": {"field": "this.incident.reported_at"}}},
            ))  # fmt: skip
        case "markers":
            return st.sampled_from((
                {"marker.target": "child"},
                {"marker.target_id": {"is": {"field": "this.child.home_address_id"}}},
                {"marker.removed_at": {"recorded": False}},
            ))  # fmt: skip
        case _:
            return st.sampled_from(({"suspect.is_adult": True}, {"suspect.relationship": {"not_in": ["parent"]}}))


def _seen() -> SearchStrategy[Data]:
    """Return a condition on the flags and gaps of a record that is looked at."""
    return st.sampled_from((
        {"flag": SEEN},
        {"none": [{"flag": {"rule": SEEN, "severity": {"at_least": "high"}}}]},
        {"flag": {"family": ["S", "A"]}},
        {"gap": {"action": "visit"}},
        {"gap": {"family": ["S"], "state": ["overdue", "done"], "late_by": {"at_least": "2 hours"}}},
    ))  # fmt: skip


# ---- rules -----------------------------------------------------------------------------------------------------------


@st.composite
def _readings(draw: DrawFn, before: tuple[str, ...]) -> Data:
    """Return a flag or a gap of the rules before this one."""
    letters = [_family(name) for name in before]
    if draw(st.booleans()):
        if draw(st.booleans()):
            return {"flag": draw(st.sampled_from(before))}
        families = draw(st.lists(st.sampled_from(letters), min_size=1, max_size=2, unique=True))
        return {"flag": {"family": families, "severity": {"at_least": draw(SEVERITIES)}}}
    families = draw(st.lists(st.sampled_from(letters[:READING_FROM]), min_size=1, max_size=2, unique=True))
    whose = {"action": draw(st.sampled_from(FIRST))} if draw(st.booleans()) else {"family": families}
    states = draw(st.sampled_from((None, ["overdue"], ["done_late", "not_yet_due"], ["done"])))
    late = draw(st.sampled_from((None, "2 hours", "1 day", {"param": "span"})))
    more = {"state": states, "late_by": None if late is None else {"at_least": late}}
    return {"gap": whose | {key: value for key, value in more.items() if value is not None}}


def _family(name: str) -> str:
    return chr(ord("A") + int(name.removeprefix("rule-")))


@st.composite
def _rules(draw: DrawFn, number: int, *, chained: bool, stops: bool) -> Data:
    of_suspects = draw(st.booleans())
    before = tuple(f"rule-{n}" for n in range(number))
    names = tuple(n for n in kinds() if of_suspects or not (n.startswith("suspect.") or n in OF_SUSPECTS))
    rule: Data = {"id": f"rule-{number}", "code": f"{_family(f'rule-{number}')}1"}
    others = [_readings(before)] * 3 if number >= READING_FROM and chained else []
    condition = _conditions(names, *others)
    if of_suspects:
        rule["for_each"] = "suspects"
    if draw(st.booleans()):
        rule["derived"] = {"calc.own": draw(_look_ups(of_suspects=of_suspects, chained=chained))}
        own: Data = {"calc.own": _asked_of_own(rule["derived"]["calc.own"], draw(_MOMENTS), draw(st.integers(0, 2)))}
        rule["when"] = {draw(st.sampled_from(("all", "any"))): [own, draw(condition)]}
    else:
        rule["when"] = draw(condition)
    if stops and draw(st.integers(0, 3)) == 0:
        rule["unless"] = [draw(condition)]
    rule["severity"] = draw(SEVERITIES)
    if draw(st.booleans()):
        rule["severity"] = [{"is": draw(SEVERITIES), "when": draw(condition)}, {"is": draw(SEVERITIES)}]
    actions = LATER if others else FIRST + (("arrest",) if of_suspects else ())
    rule["requires"] = [
        draw(_asks(action, condition)) for action in draw(st.sets(st.sampled_from(actions), max_size=2))
    ]
    if draw(st.integers(0, 4)) == 0:
        rule["effective"] = draw(st.sampled_from(({"from": "2026-03-05"}, {"from": "2020-01-01", "to": "2026-03-04"})))
    return rule


@st.composite
def _seen_rules(draw: DrawFn) -> Data:
    """Return the rule whose flags and gaps look-ups may read."""
    of_suspects = draw(st.booleans())
    names = tuple(n for n in kinds() if of_suspects or not (n.startswith("suspect.") or n in OF_SUSPECTS))
    condition = _conditions(tuple(name for name in names if _is_alone(name)), named=False)
    rule: Data = {"id": SEEN, "code": "S1", "when": draw(condition), "unless": [draw(condition)]}
    rule["severity"] = [{"is": draw(SEVERITIES), "when": draw(condition)}, {"is": draw(SEVERITIES)}]
    return rule | {"requires": ["visit"]} | ({"for_each": "suspects"} if of_suspects else {})


@st.composite
def _asks(draw: DrawFn, action: str, condition: SearchStrategy[Data]) -> Any:
    """Return a line of `requires`: the action alone, or with a condition and a deadline of its own."""
    if draw(st.booleans()):
        return action
    found: Data = {"do": action}
    if draw(st.booleans()):
        found["when"] = {"severity": {"at_least": "high"}} if draw(st.booleans()) else draw(condition)
    if draw(st.booleans()):
        within = draw(st.sampled_from(("2 hours", "same day", "1 day", "2 working days", {"param": "span"})))
        found["due"] = {"within": within, "of": draw(st.sampled_from(("incident.reported_at", "calc.event_time")))}
    return found


@st.composite
def packs(draw: DrawFn, *, rules: int = 4, chained: bool = True, stops: bool = True) -> Pack:
    """Return a pack of random rules, all of them drafts.

    Without `chained` its rules read no flags and gaps; without `stops` they have no `unless`.
    """
    drawn = [draw(_rules(number, chained=chained, stops=stops)) for number in range(rules)]
    drawn += [draw(_seen_rules())] if chained else []
    with TemporaryDirectory() as folder:
        write_pack(Path(folder), {**written(), "cases": [{"name": "random", "rules": drawn}]})
        return Pack.load(folder)
