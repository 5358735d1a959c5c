"""A service that assesses records for months must not grow, and a run over many keeps little of each."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from generated_packs import write_pack

from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from pathlib import Path

MANY = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 30_000
SCRIPT = """
import gc, sys
from datetime import UTC, datetime
import psutil
from riskflags import Engine, Incident, Pack

pack = Pack.load(sys.argv[1])
engine = Engine(pack)
incident = Incident.model_validate({
    "incident.id": "MEM-1", "incident.type": "online_contact", "incident.reported_at": "2026-02-14T10:00",
    "incident.indicators": ["debt"], "child.id": "MEM-CHILD", "child.stated_age": 9, "child.in_care": False,
})
as_of = datetime(2026, 3, 1, tzinfo=UTC)
flags = 0

def run(times):
    global flags
    for _ in range(times):
        flags += len(engine.assess(incident, as_of=as_of).flags)

run(2_000)
gc.collect()
before = psutil.Process().memory_info().rss
run(int(sys.argv[2]))
gc.collect()
print(flags, (psutil.Process().memory_info().rss - before) / 1e6)
"""


RUN = """
import gc, sys
from datetime import UTC, datetime
import psutil
from riskflags import Engine, default_pack, read

incidents = read(sys.argv[1]).incidents
engine = Engine(default_pack())
as_of = datetime(2026, 4, 1, tzinfo=UTC)
flags = sum(len(result.flags) for result in engine.assess_many(incidents[:100], as_of=as_of))
gc.collect()
before = psutil.Process().memory_info().rss
most = before
for number, result in enumerate(engine.assess_many(incidents, as_of=as_of)):
    flags += len(result.flags)
    if number % 100 == 0:
        most = max(most, psutil.Process().memory_info().rss)
print(flags, (most - before) / len(incidents))
"""


def test_a_run_keeps_less_than_twenty_kilobytes_of_a_record(tmp_path: Path) -> None:
    write_canonical(tmp_path / "generated.csv", rows=1_500, seed=3)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "generated.csv")], capture_output=True, text=True, check=True
    )
    flags, kept = done.stdout.split()
    assert int(flags) > 1_500
    assert float(kept) < 20_000


def test_many_assessments_do_not_grow_the_process(tmp_path: Path) -> None:
    """Less than 200 bytes for each, of 100,000 in profile nightly."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(write_pack(tmp_path / "pack", rules=3)), str(MANY)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    flags, grown = done.stdout.split()
    assert int(flags) > 0
    assert float(grown) * 1e6 < 200 * MANY
