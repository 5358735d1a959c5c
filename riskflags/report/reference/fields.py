"""The page of fields: what a record can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.incident import GROUPS, LISTS, Holds
from riskflags.report.reference.markdown import code, codes, page, table

if TYPE_CHECKING:
    from riskflags.fields import FieldInfo
    from riskflags.pack import Pack

_ABOUT = (
    "A record is one child in one incident. A field is named by its group and its name; a column of a CSV with that "
    "name needs no mapping. *Personal* fields are never shown without `--show-personal`."
)


def fields_page(pack: Pack) -> str:
    """Return the page of every field that a record of the pack can hold, by group."""
    groups: dict[str, list[FieldInfo]] = {}
    for info in pack.fields.values():
        groups.setdefault(info.path.partition(".")[0], []).append(info)
    parts = [f"## {group}\n\n{_of(group)}{_table(infos)}" for group, infos in groups.items()]
    holds = [[code(f"holds.{name}"), field.description or ""] for name, field in Holds.model_fields.items()]
    parts.append(f"## holds\n\nWhat the source of the record records at all.\n\n{table(['field', 'about'], holds)}")
    return page("Fields", _ABOUT, *parts)


def _of(group: str) -> str:
    attribute = next(name for name, prefix in GROUPS.items() if prefix == group)
    if attribute not in LISTS:
        return ""
    return f"A record has any number of these, under `{attribute}`.\n\n"


def _table(infos: list[FieldInfo]) -> str:
    rows = [[code(info.path), _kind(info), info.description, codes(info.codes or ())] for info in infos]
    return table(["field", "kind", "about", "codes"], rows)


def _kind(info: FieldInfo) -> str:
    kind = info.kind.replace("_", " ")
    span = f", {info.least} to {info.most}" if info.least is not None and info.most is not None else ""
    return f"{kind}{span}{', personal' if info.personal else ''}"
