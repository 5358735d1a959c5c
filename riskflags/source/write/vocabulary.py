"""vocabulary.yaml and sources.yaml as data: lists, parameters, derived values, named conditions, roles, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from riskflags.calendar import Duration
from riskflags.derive import PERSON_FIELDS
from riskflags.pack import Computed, LookUp
from riskflags.source.write.conditions import citations, codes, condition, name, span, without_nothing
from riskflags.source.write.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from riskflags.pack import CodeList, Derived, NamedCondition, Pack, Param, Window
    from riskflags.source.write.emit import Written


def vocabulary(pack: Pack) -> dict[str, Written]:
    """Return the sections of vocabulary.yaml that say anything."""
    own = [one for one in pack.derived.values() if one.name == one.shown and not is_anonymous(one.name)]
    return without_nothing(
        {
            "roles": {key: {"label": label} for key, label in pack.roles.items()},
            "lists": {one.name: _list(one) for one in pack.lists.values()},
            "params": {one.name: _param(one) for one in pack.params.values()},
            "derived": derived(own, pack),
            "conditions": {one.name: _named(one, pack) for one in pack.conditions.values()},
        }
    )


def sources(pack: Pack) -> dict[str, Written]:
    """Return what may be cited."""
    return {
        one.key: without_nothing(
            {"title": one.title, "publisher": one.publisher, "published": one.published, "url": one.url}
        )
        for one in pack.sources.values()
    }


def _list(one: CodeList) -> dict[str, Written]:
    return without_nothing({"label": one.label, "values": sorted(one.values), "source": citations(one.source)})


def _param(one: Param) -> dict[str, Written]:
    dated: dict[str, Written] = {
        str(day): str(value) if isinstance(value, Duration) else value for day, value in one.values
    }
    default = "local" if one.is_local else ""
    return without_nothing(
        {"label": one.label, "unit": one.unit, "default": default, "values": dated, "source": citations(one.source)}
    )


def _named(one: NamedCondition, pack: Pack) -> dict[str, Written]:
    found = condition(one.condition, pack)
    return {"is": found, **examples(one.examples, pack)} if one.examples else found


# ---- derived values --------------------------------------------------------------------------------------------------


def is_anonymous(inside: str) -> bool:
    """Return whether a derived value has no name of its own: it is written where a deadline counts from it."""
    return inside.rpartition("/")[2].startswith("first_recorded(")


def derived(found: Iterable[Derived], pack: Pack) -> dict[str, Written]:
    """Return derived values by the names that authors write."""
    return {one.shown: {"label": one.label, **_how(one.how, pack)} for one in found}


def _how(how: Computed | LookUp, pack: Pack) -> dict[str, Written]:
    match how:
        case Computed():
            return {how.function: _arguments(how, pack)}
        case LookUp():
            return {how.function: _look_up(how, pack)}
        case _:
            assert_never(how)


def _arguments(how: Computed, pack: Pack) -> Written:
    names = [name(one) for one in how.names]
    match how.function:
        case "age":
            return {"of": _person(names[1]), "on": names[0]}
        case "age_gap":
            older, younger = names[1], names[1 + len(PERSON_FIELDS)]
            return {"older": _person(older), "younger": _person(younger), "on": names[0]}
        case "size":
            return names[0] if how.codes is None else [names[0], codes(how.codes, pack)]
        case _:
            return names


def _person(path: str) -> str:
    return path.partition(".")[0]


def _look_up(how: LookUp, pack: Pack) -> dict[str, Written]:
    return without_nothing(
        {
            "in": how.over,
            "of": name(how.of),
            "by": [name(one) for one in how.by],
            "where": condition(how.where, pack) if how.where is not None else None,
            "window": _window(how.window, pack) if how.over == "records" else None,
            "others": how.others,
        }
    )


def _window(window: Window, pack: Pack) -> Written:
    if window.of is not None:
        return {"last": window.last, "of": condition(window.of, pack)}
    if window.back is None:
        return "all"
    return without_nothing({"back": span(window.back), "up_to": "as_of" if window.up_to_as_of else ""})
