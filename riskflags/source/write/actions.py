"""actions.yaml as data, and the deadlines of actions and of rules that set their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from riskflags.pack import Computed, MarkerInPlace, RecordedAction, RecordedField
from riskflags.source.write.conditions import citations, codes, condition, name, span, without_nothing
from riskflags.source.write.vocabulary import is_anonymous

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskflags.pack import Action, Due, Pack, Way
    from riskflags.source.write.emit import Written


def actions(pack: Pack) -> dict[str, Written]:
    """Return the catalogue of actions; nothing where there are none."""
    return without_nothing({"actions": {key: _action(one, pack) for key, one in pack.actions.items()}})


def _action(one: Action, pack: Pack) -> dict[str, Written]:
    return without_nothing(
        {
            "code": one.code,
            "label": one.label,
            "owner": one.owner,
            "per": one.per if one.per != "incident" else "",
            "core": one.core or None,
            "when": condition(one.when, pack) if one.when is not None else None,
            "due": dues(one.due, pack),
            "satisfied_by": [_way(way, pack) for way in one.satisfied_by],
            "steps": sorted(one.steps),
            "source": citations(one.source),
        }
    )


def dues(found: Iterable[Due], pack: Pack) -> list[Written]:
    """Return deadlines, the first that holds."""
    return [
        without_nothing(
            {
                "within": span(one.within),
                "of": _anchor(one.anchor, pack),
                "when": condition(one.when, pack) if one.when is not None else None,
            }
        )
        for one in found
    ]


def _anchor(inside: str, pack: Pack) -> Written:
    """Return the moment that a deadline counts from: by its name, or by what it is the first of."""
    how = pack.derived[inside].how if is_anonymous(inside) else None
    return {"first_recorded": [name(one) for one in how.names]} if isinstance(how, Computed) else name(inside)


def _way(way: Way, pack: Pack) -> dict[str, Written]:
    match way:
        case RecordedAction():
            return without_nothing(
                {
                    "codes": codes(way.codes, pack),
                    "outcomes": codes(way.outcomes, pack),
                    "where": condition(way.where, pack) if way.where is not None else None,
                    "still_counts": span(way.still_counts) if way.still_counts is not None else None,
                }
            )
        case RecordedField():
            return {"field": way.name}
        case MarkerInPlace():
            return {"marker": condition(way.where, pack)}
        case _:
            assert_never(way)
