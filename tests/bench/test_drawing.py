"""The page of a run: how long it takes to make for so many flagged records, how large it is, and how soon it answers.

`pytest tests/bench/test_drawing.py` makes pages of 1,000, 10,000 and 100,000 flagged records: generated ones, assessed
once and then taken over and over. The size of each file is in its extra info. With a Chromium at hand it also opens the
page of 10,000 and filters it: the bars are 2 s and 200 ms.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from small_pack import LONDON

from riskflags import Engine, default_pack, read
from riskflags.figures import Gathered, Report
from riskflags.report.findings import collect, origins_of
from riskflags.report.page import Kept, Source, render
from riskflags.report.summary import rows_of
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from riskflags import Assessment, Incident, Intake

NOW = datetime(2026, 6, 1, 9, tzinfo=LONDON)
PAIRS = 500
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Intake, list[tuple[Incident, Assessment]]]:
    """Return what was read of a generated file, and its flagged records with their assessments."""
    file = tmp_path_factory.mktemp("page") / "generated.csv"
    write_canonical(file, rows=PAIRS, seed=7)
    intake = read(file)
    by_key = {incident.key: incident for incident in intake.incidents}
    found = Engine(default_pack()).assess_many(intake.incidents, as_of=NOW)
    return intake, [(by_key[one.incident_id, one.child_id], one) for one in found if one.flags]


def page_of(assessed: tuple[Intake, list[tuple[Incident, Assessment]]], many: int) -> str:
    """Return the page of so many flagged records."""
    intake, pairs = assessed
    pack = default_pack()
    kept, gathered = Kept(pack, NOW), Gathered(as_of=NOW, zone=pack.zone)

    def taken() -> Iterator[Assessment]:
        for number in range(many):
            incident, found = pairs[number % len(pairs)]
            kept.add(incident, found)
            gathered.add(incident, found)
            yield found

    findings = collect(taken(), as_of=NOW, origins=origins_of(intake))
    report = Report(pack, gathered.facts())
    rows = rows_of(intake, findings)
    return render(Source(findings, rows, pack, intake, kept, report, marking="OFFICIAL-SENSITIVE", version="bench"))


@pytest.mark.parametrize("many", [1_000, 10_000, 100_000])
def test_making_a_page(benchmark: BenchmarkFixture, assessed: Any, many: int) -> None:
    if benchmark.disabled and many > 10_000:
        pytest.skip("too long where nothing is timed")
    benchmark.group = "making the page of a run"
    timed: Any = benchmark  # pedantic has no types
    page = timed.pedantic(page_of, args=(assessed, many), rounds=1)
    benchmark.extra_info["megabytes"] = round(len(page.encode()) / 1e6, 1)
    assert page.endswith("</html>")


@cache
def opener() -> Any:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    return sync_api.sync_playwright


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_opening_and_filtering_a_page_of_10_000(benchmark: BenchmarkFixture, assessed: Any, tmp_path: Path) -> None:
    if benchmark.disabled:
        pytest.skip("too long where nothing is timed")
    (tmp_path / "page.html").write_text(page_of(assessed, 10_000), encoding="utf-8")
    with opener()() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()

        def opened() -> None:
            page.goto(f"file://{tmp_path / 'page.html'}")
            page.wait_for_selector("html[data-ready=yes]")

        timed: Any = benchmark
        timed.pedantic(opened, rounds=3)
        filtered = page.evaluate(
            "(() => { const form = document.getElementById('filters'); const start = performance.now();"
            " form.elements.severity.value = 'critical'; form.dispatchEvent(new Event('change'));"
            " document.body.offsetHeight; return performance.now() - start; })()"
        )
        benchmark.extra_info["milliseconds to filter"] = round(filtered)
        browser.close()
    assert filtered > 0
