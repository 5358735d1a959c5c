"""Pages to test: of the inspected cases, of many generated incidents, and of records that try to break out."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from command_line import AS_OF, CASES, riskflags

from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from typer.testing import Result

SCRIPT = "<script>window.broken = true</script><img src=x onerror='window.broken = true'>"
HOSTILE = {
    "incident.id": f"=1+1{SCRIPT}",
    "child.id": "\u202eC1\u2066</script><b>",
    "incident.unit": f'{SCRIPT}" onclick="window.broken = true',
    "suspect": "@SUM(A1)<svg onload=window.broken=true>",
    "incident.narrative": "x" * 10_000,
}
"""Text in records that is markup, a formula, or turns what follows it round."""


@cache
def page_of(*files: str, options: tuple[str, ...] = (), as_of: str = AS_OF) -> Path:
    """Return the page of a run over some files."""
    page = Path(mkdtemp()) / "page.html"
    found: Result = riskflags("run", *files, "--as-of", as_of, "--html", page, *options)
    assert found.exit_code == 0, found.output
    return page


def inspected(*options: str) -> Path:
    """Return the page of the four inspected cases."""
    return page_of(*map(str, sorted(CASES.glob("*.jsonl"))), options=options)


@cache
def hostile_file() -> Path:
    """Return a file of records that hold hostile text wherever text is free."""
    path = Path(mkdtemp()) / "hostile.jsonl"
    records: list[dict[str, Any]] = [
        {
            "incident.id": f"{HOSTILE['incident.id']}{number}",
            "incident.type": "online_contact",
            "incident.reported_at": "2025-09-01T09:00",
            "incident.unit": HOSTILE["incident.unit"],
            "incident.narrative": HOSTILE["incident.narrative"],
            "child.id": f"{HOSTILE['child.id']}{number}",
            "child.stated_age": 12,
            "contact.channels": ["social_media"],
            "contact.images_requested": "yes",
            "suspects": [{"suspect.id": HOSTILE["suspect"], "suspect.stated_age": 40}],
        }
        for number in (1, 2)
    ]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


@cache
def many(number: int) -> Path:
    """Return the page of so many generated incidents."""
    path = Path(mkdtemp()) / "generated.csv"
    write_canonical(path, rows=number, seed=7)
    return page_of(str(path), as_of="2026-06-01T09:00")
