"""Many records at once: the same verdicts as `condition.holds`, vectorised, on DuckDB in the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.assessments import Head, Teller, assessments
from riskflags.batch.calendars import changes_of_offset
from riskflags.batch.facts import World, gathered, schemas
from riskflags.batch.grades import GRADES
from riskflags.batch.plan import REQUIREMENTS, Plan
from riskflags.batch.store import Store
from riskflags.batch.twins import TWINS
from riskflags.batch.verdicts import FIRED, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.assessment import Assessment
    from riskflags.record import Names

__all__ = [
    "FIRED", "GRADES", "OPEN", "REQUIREMENTS", "TWINS", "Head", "Plan", "Store", "Teller", "World", "assess_worlds",
    "assessments", "changes_of_offset",
]  # fmt: skip


def assess_worlds(worlds: Sequence[World], names: Names, *, digest: str) -> Iterator[Iterator[Assessment]]:
    """Yield the assessments of each world, in the order of its records; of two with one key, one is assessed.

    The records of a world see only each other. All worlds are decided together.
    """
    pack = names.pack
    made = [world.settled() for world in worlds]
    store = Store()
    try:
        tables = gathered(made, pack, zone=names.zone)
        for name, schema in schemas(pack).items():
            store.take(name, getattr(tables, name), schema)
        only = {
            number: [place for place, world in enumerate(made) if world.rules is not None and rule.key in world.rules]
            for number, rule in enumerate(pack.rules)
            if any(world.rules is not None for world in made)
        }
        plan = Plan(names, store, tables.holds, only=only)
        plan.run()
        start = 0
        for world in made:
            head = Head(names, digest, world.as_of.astimezone(names.zone))
            yield assessments(plan, world.incidents, head, start=start)
            start += len(world.incidents)
    finally:
        store.close()
