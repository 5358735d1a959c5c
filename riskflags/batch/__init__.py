"""Many records decided at once, on DuckDB in the process or on Spark: the assessments of one record after another."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from riskflags.batch.assessments import Head, Teller, assessed, assessed_of
from riskflags.batch.calendars import changes_of_offset
from riskflags.batch.facts import World, gathered, schemas
from riskflags.batch.grades import GRADES
from riskflags.batch.plan import REQUIREMENTS, RESULTS, Plan
from riskflags.batch.spark import SparkStore, spark_store
from riskflags.batch.store import OutOfMemory, Store
from riskflags.batch.twins import TWINS
from riskflags.batch.verdicts import FIRED, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.assessment import Assessment
    from riskflags.pack import Pack
    from riskflags.record import Names

__all__ = [
    "FIRED", "GRADES", "OPEN", "REQUIREMENTS", "TWINS", "Head", "OutOfMemory", "Plan", "SparkStore", "Store", "Teller",
    "World", "assess_worlds", "assessed", "assessed_of", "brought_back", "changes_of_offset", "spark_store",
]  # fmt: skip


def assess_worlds(
    worlds: Sequence[World], names: Names, *, digest: str, spark: SparkStore | None = None
) -> Iterator[Iterator[Assessment]]:
    """Yield the assessments of each world, in the order of its records; of two with one key, one is assessed.

    The records of a world see only each other. All worlds are decided together: in the process, or on Spark.
    """
    made = [world.settled() for world in worlds]
    tables = gathered(made, names.pack, zone=names.zone)
    with closing(Store()) as store:
        deciding = store if spark is None else spark
        for name, schema in schemas(names.pack).items():
            deciding.take(name, getattr(tables, name), schema)
        with store.in_any_order():
            plan = Plan(names, deciding, tables.holds, only=_only(made, names.pack))
            plan.run()
        if spark is not None:
            plan = brought_back(plan, spark, store)
        start = 0
        for world in made:
            head = Head(names, digest, world.as_of.astimezone(names.zone))
            yield assessed(plan, world.incidents, head, start=start)
            start += len(world.incidents)


def brought_back(plan: Plan, spark: SparkStore, store: Store) -> Plan:
    """Return a plan that has run on Spark with its records and results in a store of DuckDB."""
    spark.hand_back(store, (*schemas(plan.pack), *RESULTS))
    return plan.over(store)


def _only(worlds: Sequence[World], pack: Pack) -> dict[int, list[int]]:
    """Return the worlds in which each rule is decided, where any world has rules of its own."""
    if all(world.rules is None for world in worlds):
        return {}
    return {
        number: [place for place, world in enumerate(worlds) if world.rules is None or rule.key in world.rules]
        for number, rule in enumerate(pack.rules)
    }
