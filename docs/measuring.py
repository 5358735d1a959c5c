"""What the scripts that measure the pack share: an extract that is made and read, its age bands, and their pages."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from riskflags import default_pack
from riskflags.intake import read
from riskflags.samples.extract import write_extract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags import Incident, Pack

AS_OF = "2026-04-01T09:00"
"""When the records are looked at: the day after the last of the generated year."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a script is asked for: how many records, from which seed, and where the page goes."""

    rows: int
    seed: int
    out: Path


def asked(about: str, *, rows: int, out: str, arguments: Sequence[str] | None) -> Asked:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rows", type=int, default=rows, help="records to generate [default: %(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator [default: %(default)s]")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "measured" / out, help="the page")
    found = parser.parse_args(arguments)
    if found.rows < 1:
        parser.error("--rows: at least 1")
    return Asked(found.rows, found.seed, found.out)


def made(one: Asked) -> tuple[Pack, list[Incident], datetime]:
    """Return the shipped pack, the records of an extract as a run would read them, and when they are looked at."""
    pack = default_pack()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "extract.csv"
        write_extract(path, rows=one.rows, seed=one.seed)
        intake = read(path, record=pack.record)
    if intake.rejects:
        msg = f"{len(intake.rejects)} rows of the generator were rejected: {intake.rejects[0].message}"
        raise SystemExit(msg)
    return pack, list(intake.incidents), datetime.fromisoformat(AS_OF).replace(tzinfo=pack.zone)


def provenance(one: Asked, pack: Pack, script: str) -> str:
    """Return the lines that say how a page came about, and how to make it again."""
    return (
        f"Measured on {one.rows:,} generated records (seed {one.seed}), as things stood on 1 April 2026 at 9am, with "
        f"{pack.id} {pack.version}, digest `{pack.digest[:19]}`. All records are synthetic, and every share in them is "
        "made up (`riskflags/samples/extract.py`): what is measured is the pack, not any force or area. Make the page "
        f"again, in the project's folder:\n\n```sh\npython docs/{script} --rows {one.rows} --seed {one.seed}\n```"
    )


def per(number: float, total: int) -> str:
    """Return a number for each hundred."""
    return f"{100 * number / total:.1f}" if total else "-"
