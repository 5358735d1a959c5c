"""Verdicts alone, on rows that are in memory: the thirty rules that read one record, by several engines.

Every engine gets the rules that it can express, as its own documents write them, and rows without blanks: no other
engine knows a third answer. Ages, gaps and hours are in its rows already, since no other engine computes them;
riskflags computes them from its own rows. Only the deciding is timed; then every verdict is compared with that of the
SQL.

`python tests/bench/bench_verdicts.py rule-engine FILE --rows 10000` prints what it found as JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bench_sql
from bench_packs import write_pack
from bench_records import AS_OF
from bench_rules import Condition, Rule, one_record_rules
from hand_words import LONDON

Row = dict[str, Any]
Fired = set[tuple[int, str]]
"""Which rules fired on which rows: the number of the row and the code of the rule."""
Decide = Callable[[Sequence[Row]], Fired]


class NotExpressibleError(Exception):
    """An engine has no words for a condition."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine did: how many rules it can express, on how many rows, how long it took, how many were wrong."""

    engine: str
    version: str
    rules: int
    rows: int
    seconds: float
    cpu: float
    fired: int
    wrong: int


# ---- rows ------------------------------------------------------------------------------------------------------------

_OF_ROW = (
    "incident.type", "incident.team", "incident.authority", "incident.indicators", "child.in_care",
    "child.education_plan", "child.placement_type", "child.responsible_authority", "suspect.id",
    "suspect.relationship", "contact.sexual_content", "contact.images_requested", "contact.meeting_arranged",
    "calc.child_age", "calc.suspect_age", "calc.age_gap",
)  # fmt: skip


def plain(field: str) -> str:
    """Return the name of a field as engines take it."""
    return field.replace(".", "_")


def rows_and_verdicts(file: Path, *, rows: int) -> tuple[list[Row], Fired]:
    """Return the first rows of a file, and which rules fire on them by the SQL. ValueError where any is undecided."""
    rules = one_record_rules()
    con = bench_sql.duckdb.connect()
    as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=LONDON)
    for statement in bench_sql.statements(file, rules, as_of=as_of):
        con.execute(statement)
        if statement.startswith("CREATE TABLE decided"):
            break
    read = [f'"{field}" AS {plain(field)}' for field in _OF_ROW]
    read += [f'"{field} low" // 60 AS {plain(field)}' for field in ("calc.hours_away", "calc.hours_to_report")]
    read += [f'"{field} low" AS {plain(field)}' for field in ("missing.returned_at", "incident.reported_at")]
    codes = [rule.code for rule in rules]
    query = f"SELECT {', '.join([*read, *codes])} FROM decided WHERE row <= {rows} ORDER BY row"
    found: list[Row] = con.sql(query).to_arrow_table().to_pylist()
    con.close()
    if any(row[code] is None for row in found for code in codes):
        msg = "a rule is undecided: the file has blanks"
        raise ValueError(msg)
    fired = {(number, code) for number, row in enumerate(found) for code in codes if row[code]}
    return [{name: value for name, value in row.items() if name not in codes} for row in found], fired


def leaf(condition: Condition) -> tuple[str, str, Any]:
    """Return the field, the operator and the operand of a comparison; hours are compared in minutes."""
    ((field, value),) = condition.items()
    ((operator, operand),) = value.items() if isinstance(value, dict) else (("is", value),)
    return field, operator, 60 * operand if field in ("calc.hours_away", "calc.hours_to_report") else operand


def condition_of(rule: Rule) -> Condition:
    """Return when a rule fires, with what stops it."""
    return {"all": [rule.when, {"none": list(rule.unless)}]} if rule.unless else rule.when


_SIGNS = {"at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<", "is": "==", "is_not": "!="}


# ---- engines that read expressions -----------------------------------------------------------------------------------


def expression(condition: Condition, *, is_rule_engine: bool) -> str:
    """Return a condition as an expression of rule-engine or of zen-engine, whose languages are nearly one."""
    ((key, value),) = condition.items()
    if key in ("all", "any", "none"):
        parts = [expression(part, is_rule_engine=is_rule_engine) for part in value]
        joined = "(" + (" and " if key == "all" else " or ").join(parts) + ")"
        return f"(not {joined})" if key == "none" else joined
    field, operator, operand = leaf(condition)
    name = plain(field)
    match operator:
        case "recorded":
            return f"{name} != null"
        case "has" | "has_any":
            codes = [operand] if operator == "has" else operand
            if is_rule_engine:
                return "(" + " or ".join(f"{json.dumps(code)} in {name}" for code in codes) + ")"
            return f"some({name}, # in {json.dumps(codes)})"
        case "in":
            return f"{name} in {json.dumps(operand)}"
        case "after":
            return f"{name} > {plain(operand['field'])}"
        case _:
            other = plain(operand["field"]) if isinstance(operand, dict) else json.dumps(operand)
            return f"{name} {_SIGNS[operator]} {other}"


def by_rule_engine(rules: Sequence[Rule]) -> tuple[set[str], Decide]:
    """Return the rules that rule-engine can express, and what decides them."""
    rule_engine = import_module("rule_engine")
    made = [(one.code, rule_engine.Rule(expression(condition_of(one), is_rule_engine=True))) for one in rules]

    def decide(rows: Sequence[Row]) -> Fired:
        return {(number, code) for number, row in enumerate(rows) for code, one in made if one.matches(row)}

    return {code for code, _ in made}, decide


def by_zen(rules: Sequence[Rule]) -> tuple[set[str], Decide]:
    """Return the rules that zen-engine can express, and what decides them: one decision with an output for each."""
    zen = import_module("zen")
    listed = [
        {"id": one.id, "key": one.code, "value": expression(condition_of(one), is_rule_engine=False)} for one in rules
    ]
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "content": {}},
        {"id": "rules", "type": "expressionNode", "name": "rules", "content": {"expressions": listed}},
        {"id": "out", "type": "outputNode", "name": "out", "content": {}},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "rules"},
        {"id": "2", "type": "edge", "sourceId": "rules", "targetId": "out"},
    ]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))

    def decide(rows: Sequence[Row]) -> Fired:
        fired: Fired = set()
        for number, row in enumerate(rows):
            result = decision.evaluate(row)["result"]
            fired |= {(number, code) for code, holds in result.items() if holds is True}
        return fired

    return {one["key"] for one in listed}, decide


# ---- business-rules --------------------------------------------------------------------------------------------------

_OPPOSITE = {"at_least": "less_than", "more_than": "at_most", "at_most": "more_than", "less_than": "at_least"}
_NUMBERS = {
    "at_least": "greater_than_or_equal_to", "more_than": "greater_than", "at_most": "less_than_or_equal_to",
    "less_than": "less_than",
}  # fmt: skip


def business_conditions(condition: Condition, *, holds: bool = True) -> dict[str, Any]:
    """Return a condition, or its negation, as business-rules has it; NotExpressibleError where it cannot."""
    ((key, value),) = condition.items()
    if key in ("all", "any", "none"):
        is_all = (key != "any") is holds
        inner = holds if key != "none" else not holds
        return {"all" if is_all else "any": [business_conditions(part, holds=inner) for part in value]}
    field, operator, operand = leaf(condition)
    if isinstance(operand, dict):
        msg = f"{field}: compared with another field"
        raise NotExpressibleError(msg)
    name = plain(field)
    match operator:
        case "recorded":
            return {"name": f"{name}_there", "operator": "is_true" if holds else "is_false", "value": ""}
        case "has" | "has_any":
            word = "shares_at_least_one_element_with" if holds else "shares_no_elements_with"
            return {"name": name, "operator": word, "value": [operand] if operator == "has" else operand}
        case "is" | "is_not" if isinstance(operand, bool):
            return {"name": name, "operator": "is_true" if operand is holds else "is_false", "value": ""}
        case "is" | "is_not":
            is_same = (operator == "is") is holds
            return {"name": name, "operator": "contains" if is_same else "does_not_contain", "value": operand}
        case "in":
            word = "contains" if holds else "does_not_contain"
            parts = [{"name": name, "operator": word, "value": code} for code in operand]
            return {"any" if holds else "all": parts}
        case _:
            return {"name": name, "operator": _NUMBERS[operator if holds else _OPPOSITE[operator]], "value": operand}


def by_business_rules(rules: Sequence[Rule]) -> tuple[set[str], Decide]:
    """Return the rules that business-rules can express, and what decides them."""
    run_all = import_module("business_rules").run_all
    variables, actions = _business_variables(), _business_actions()
    found: dict[str, dict[str, Any]] = {}
    for one in rules:
        try:
            conditions = business_conditions(condition_of(one))
        except NotExpressibleError:
            continue
        found[one.code] = {"conditions": conditions, "actions": [{"name": "fire", "params": {"code": one.code}}]}
    listed = list(found.values())

    def decide(rows: Sequence[Row]) -> Fired:
        fired: Fired = set()
        for number, row in enumerate(rows):
            done = actions()
            run_all(listed, variables(row), done)
            fired |= {(number, code) for code in done.codes}
        return fired

    return set(found), decide


def _business_variables() -> Any:
    """Return the class of the variables of a row: a code is a choice of one, to be asked whether it is not another."""
    variables = import_module("business_rules.variables")

    def read(name: str) -> Callable[[Any], Any]:
        return lambda self: self.row[name]

    def one_of(name: str) -> Callable[[Any], Any]:
        return lambda self: [self.row[name]]

    def there(name: str) -> Callable[[Any], Any]:
        return lambda self: self.row[name] is not None

    members: dict[str, Any] = {"__init__": lambda self, row: setattr(self, "row", row)}
    for name in map(plain, (*_OF_ROW, "calc.hours_away", "calc.hours_to_report")):
        if name.startswith("calc"):
            members[name] = variables.numeric_rule_variable()(read(name))
        elif name in ("child_in_care", "child_education_plan") or name.startswith("contact"):
            members[name] = variables.boolean_rule_variable()(read(name))
        elif name == "incident_indicators":
            members[name] = variables.select_multiple_rule_variable()(read(name))
        else:
            members[name] = variables.select_rule_variable()(one_of(name))
            members[f"{name}_there"] = variables.boolean_rule_variable()(there(name))
    return type("OfRow", (variables.BaseVariables,), members)


def _business_actions() -> Any:
    """Return the class of the one action: to note the code of a rule."""
    actions, fields = import_module("business_rules.actions"), import_module("business_rules.fields")

    def begin(self: Any) -> None:
        self.codes = []

    def fire(self: Any, code: str) -> None:
        self.codes.append(code)

    noted = actions.rule_action(params={"code": fields.FIELD_TEXT})(fire)
    return type("Noted", (actions.BaseActions,), {"__init__": begin, "fire": noted})


# ---- durable_rules ---------------------------------------------------------------------------------------------------


def by_durable_rules(rules: Sequence[Rule]) -> tuple[set[str], Decide]:
    """Return the rules that durable_rules can express as it is shipped, and what decides them: a fact for each row."""
    lang, engine = import_module("durable.lang"), import_module("durable.engine")
    fired: Fired = set()

    def written(code: str) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            fired.add((c.m.number, code))

        return act

    with lang.ruleset("bench"):
        for one in rules:
            lang.when_all(durable_expression(condition_of(one), lang))(written(one.code))
    absent = engine.MessageNotHandledException

    def decide(rows: Sequence[Row]) -> Fired:
        for number, row in enumerate(rows):
            fact = {**row, "number": number, "id": f"f{number}"}
            try:
                lang.assert_fact("bench", fact)
                lang.retract_fact("bench", fact)
            except absent:  # so it says that no rule matched; it has not kept the fact
                continue
        return fired

    return {one.code for one in rules}, decide


def durable_expression(condition: Condition, lang: Any, *, holds: bool = True) -> Any:
    """Return a condition, or its negation, as an expression of durable_rules."""
    ((key, value),) = condition.items()
    if key in ("all", "any", "none"):
        is_all = (key != "any") is holds
        inner = holds if key != "none" else not holds
        return _joined([durable_expression(part, lang, holds=inner) for part in value], is_all=is_all)
    field, operator, operand = leaf(condition)
    own = getattr(lang.m, plain(field))
    match operator:
        case "recorded":
            return +own if holds else -own
        case "has" | "has_any":
            codes = [operand] if operator == "has" else operand
            if not holds:
                msg = f"{field}: no negation of a test of a list"
                raise NotExpressibleError(msg)
            return _joined([own.anyItem(lang.item == code) for code in codes], is_all=False)
        case "in":
            return _joined([own == code if holds else own != code for code in operand], is_all=not holds)
        case "is" | "is_not" if isinstance(operand, bool):
            return own == (operand is holds)
        case _:
            other = getattr(lang.m, plain(operand["field"])) if isinstance(operand, dict) else operand
            return _ordered(own, operator if holds else _NEGATED[operator], other)


_NEGATED = _OPPOSITE | {"is": "is_not", "is_not": "is", "after": "not_after"}


def _ordered(own: Any, operator: str, other: Any) -> Any:
    match operator:
        case "at_least":
            return own >= other
        case "more_than" | "after":
            return own > other
        case "at_most" | "not_after":
            return own <= other
        case "less_than":
            return own < other
        case "is":
            return own == other
        case _:
            return own != other


def _joined(parts: Iterable[Any], *, is_all: bool) -> Any:
    found: Any = None
    for part in parts:
        found = part if found is None else (found & part if is_all else found | part)
    return found


# ---- riskflags -------------------------------------------------------------------------------------------------------


def by_riskflags(file: Path, *, folder: Path) -> tuple[int, int, float, float, Fired]:
    """Return the rules, the rows, the seconds by the clock and of the processor, and what fired, of the batch engine.

    The rows are in its store. Timed is all from there to the tables of verdicts: the plan and its statements too.
    """
    from riskflags import Pack  # noqa: PLC0415 - beside the engine that is measured
    from riskflags.batch import Plan, Store  # noqa: PLC0415
    from riskflags.batch.verdicts import FIRES, decide, names_of_rule, verdict_of  # noqa: PLC0415
    from riskflags.intake.at_once import read_into  # noqa: PLC0415
    from riskflags.record import Names  # noqa: PLC0415

    rules = one_record_rules()
    pack = Pack.load(write_pack(folder / "pack", rules=len(rules), linked=False)).with_drafts()
    store = Store()
    as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=pack.zone)
    intake = read_into(store, file, pack=pack, as_of=as_of)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    plan = Plan(Names.of(pack), store, intake.holds, only={})
    groups = plan._groups()  # noqa: SLF001 - verdicts alone are no part of what the engine offers
    for group in groups:
        for rule in group.rules.values():
            plan.ensure(names_of_rule(rule, pack.effective_by))
        decide(plan.frames, group, only_in={})
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    fired: Fired = set()
    for group in groups:
        for number, rule in group.rules.items():
            query = f'SELECT record FROM "{group.table}" WHERE "{verdict_of(number)}" = {FIRES}'
            fired |= {(record, rule.code) for (record,) in store.connection.execute(query).fetchall()}
    ((rows,),) = store.connection.execute("SELECT count(*) FROM records").fetchall()
    store.close()
    return len(rules), rows, seconds, cpu, fired


# ---- one engine ------------------------------------------------------------------------------------------------------

ENGINES: Mapping[str, Callable[[Sequence[Rule]], tuple[set[str], Decide]]] = {
    "rule-engine": by_rule_engine,
    "zen-engine": by_zen,
    "business-rules": by_business_rules,
    "durable_rules": by_durable_rules,
}
RISKFLAGS = "riskflags"


def measure(engine: str, file: Path, *, rows: int) -> Found:
    """Let an engine decide the first rows of a file, and compare what it says with the SQL."""
    version = import_module("importlib.metadata").version(engine)
    if engine == RISKFLAGS:
        with TemporaryDirectory() as folder:
            rules, rows, seconds, cpu, fired = by_riskflags(file, folder=Path(folder))
        _, right = rows_and_verdicts(file, rows=rows)
        return Found(engine, version, rules, rows, seconds, cpu, len(fired), len(fired ^ right))
    found, right = rows_and_verdicts(file, rows=rows)
    codes, decide = ENGINES[engine](one_record_rules())
    begun, begun_cpu = time.perf_counter(), time.process_time()
    fired = decide(found)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    right = {(number, code) for number, code in right if code in codes}
    return Found(engine, version, len(codes), len(found), seconds, cpu, len(fired), len(fired ^ right))


def main() -> None:
    """Measure one engine."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("engine", choices=[*ENGINES, RISKFLAGS])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    asked = parser.parse_args()
    print(json.dumps(asdict(measure(asked.engine, asked.file, rows=asked.rows))))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
