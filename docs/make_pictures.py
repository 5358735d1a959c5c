"""Make the pictures of the report again: `python docs/make_pictures.py`, with riskflags[all], playwright and chromium.

The records are the shipped synthetic cases, and 100,000 generated ones, which take some minutes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

import riskflags
from riskflags.samples.generate import write_canonical

PICTURES = Path(__file__).parent / "pictures"
CASES = Path(riskflags.__file__).parent / "samples" / "cases"
MANY = 100_000


def page_of(files: list[Path], *, as_of: str, folder: Path) -> Path:
    """Return the page of a run over some files."""
    page = folder / "page.html"
    command = [sys.executable, "-m", "riskflags", "run", *map(str, files), "--as-of", as_of, "--html", str(page)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - it is our own command
    return page


def picture(browser: Browser, page: Path, part: str, name: str) -> None:
    """Write the screen that begins with a part of a page."""
    tab = browser.new_page(viewport={"width": 1100, "height": 900})
    tab.goto(f"file://{page}")
    tab.wait_for_selector("html[data-ready=yes]")
    tab.evaluate("part => part && document.getElementById(part).scrollIntoView()", part)
    tab.screenshot(path=PICTURES / name)
    tab.close()


def main() -> None:
    """Make every picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = page_of(sorted(CASES.glob("*.jsonl")), as_of="2025-10-16T09:00", folder=Path(folder))
        picture(browser, page, "", "report-inspected-cases.png")
        picture(browser, page, "cases", "report-list.png")
        generated = Path(folder) / "generated.csv"
        write_canonical(generated, rows=MANY, seed=1)
        page = page_of([generated], as_of="2026-04-01T09:00", folder=Path(folder))
        picture(browser, page, "", "report-100000-incidents.png")
        picture(browser, page, "leaders", "report-leaders.png")
        browser.close()


if __name__ == "__main__":
    main()
