"""The page in a real browser: filters, sorting, keyboard, deep links, download, print, accessibility, and its policy.

Runs where there is a Chromium and Playwright; axe-core where RISKFLAGS_AXE names its script.
"""

from __future__ import annotations

import csv
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pages import hostile_file, inspected, many, page_of

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = os.environ.get("RISKFLAGS_AXE", "")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened(browser: Any, path: Path, *, at: str = "", **settings: Any) -> Any:
    """Return the page, ready, in a context of its own. A message of the browser fails the test."""
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings}).new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(f"file://{path}{at}")
    page.wait_for_selector("html[data-ready=yes]")
    return page


def shown(page: Any) -> list[str]:
    """Return the incidents in the list, in order."""
    found: list[str] = page.locator("#case-rows th a").all_inner_texts()
    return found


# ---- use -------------------------------------------------------------------------------------------------------------


def test_filters_narrow_the_list_and_say_how_far(browser: Any) -> None:
    page = opened(browser, inspected())
    assert page.inner_text("#case-count") == "9 of 9 flagged records; 9 shown."
    page.select_option("#f-severity", "high")
    assert shown(page) == ["CASE-A-1", "CASE-A-2"]
    assert page.inner_text("#case-count") == "2 of 9 flagged records; 2 shown."
    page.select_option("#f-rule", "M11")
    assert shown(page) == ["CASE-A-2"]
    page.click("text=Clear filters")
    page.wait_for_function("document.getElementById('case-count').textContent.startsWith('9 of 9')")


def test_a_heading_sorts_both_ways_and_says_which(browser: Any) -> None:
    page = opened(browser, inspected())
    heading = page.locator("#head-incident")
    heading.get_by_role("button").click()
    assert shown(page) == sorted(shown(page), reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").click()
    assert shown(page) == sorted(shown(page))
    assert heading.get_attribute("aria-sort") == "ascending"
    page.locator("#head-severity").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert page.locator("#case-rows .tag").first.inner_text() == "CRITICAL"


def test_a_filter_stands_in_the_address_and_an_address_sets_it(browser: Any) -> None:
    page = opened(browser, inspected(), at="#severity=high&rule=M02")
    assert shown(page) == ["CASE-A-1", "CASE-A-2"]
    page.select_option("#f-rule", "M11")
    assert page.url.endswith("#severity=high&rule=M11")
    broken = opened(browser, inspected(), at="#severity=none-such&rule=%E0%A4%A")
    assert len(shown(broken)) == 9


def test_an_address_opens_a_case_and_a_figure_leads_to_its_cases(browser: Any) -> None:
    page = opened(browser, inspected(), at="#case=CASE-B-1%7CCHILD-B")
    row = page.locator("#case-rows tr", has_text="CASE-B-1")
    assert row.locator("details").first.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.textContent") == "CASE-B-1"
    page.locator("#leaders ~ * a, section a", has_text="A crime recorded").first.click()
    page.wait_for_function("document.getElementById('f-action').value === 'record_crime'")
    assert set(shown(page)) == {"CASE-A-4", "CASE-B-1"}


def test_by_keyboard_alone_one_can_skip_filter_and_open_a_case(browser: Any) -> None:
    page = opened(browser, inspected())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.focus("#f-severity")
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('case-count').textContent.startsWith('2 of 9')")
    page.focus("#case-rows summary")
    page.keyboard.press("Enter")
    assert page.locator("#case-rows details").first.get_attribute("open") is not None
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_rows_that_are_shown_can_be_downloaded_as_csv(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, page_of(str(hostile_file())))
    with page.expect_download() as waiting:
        page.click("#download")
    waiting.value.save_as(tmp_path / "cases.csv")
    with (tmp_path / "cases.csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 2
    assert all(row["incident_id"].startswith("'=1+1<script>") for row in found)
    assert not [cell for row in found for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_a_long_list_is_shown_in_steps(browser: Any) -> None:
    page = opened(browser, many(120))
    first = len(shown(page))
    assert first == 50
    page.click("#more")
    assert len(shown(page)) == 100
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == first + 1


def test_without_scripts_the_children_and_the_figures_are_there(browser: Any) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"file://{inspected()}")
    assert page.locator("article.who").count() == 3
    assert "This list needs JavaScript." in page.content()
    assert page.locator("svg").count() >= 4


# ---- print and sight -------------------------------------------------------------------------------------------------


def test_on_paper_the_marking_is_on_every_sheet_and_the_controls_are_not(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, inspected())
    page.emulate_media(media="print")
    assert page.locator(".only-print").evaluate("e => getComputedStyle(e).position") == "fixed"
    for hidden in ("nav", "#filters", ".skip"):
        assert not page.locator(hidden).first.is_visible()
    page.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_cut_off_or_needs_two_ways_of_scrolling(browser: Any, width: int) -> None:
    """At 320 pixels, which is 1280 at 400 % zoom, only tables scroll sideways."""
    page = opened(browser, inspected(), viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.skipif(not AXE, reason="RISKFLAGS_AXE names no axe-core")
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize(
    "sight", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}], ids=str
)
@pytest.mark.parametrize("which", ["inspected", "hostile"])
def test_axe_finds_no_violation(browser: Any, which: str, sight: dict[str, str], width: int) -> None:
    path = inspected() if which == "inspected" else page_of(str(hostile_file()))
    page = opened(browser, path, viewport={"width": width, "height": 900}, bypass_csp=True, **sight)
    page.evaluate("document.querySelectorAll('details').forEach((one, n) => { if (n < 8) one.open = true; })")
    page.add_script_tag(path=AXE)
    found = page.evaluate(f"axe.run({{runOnly: {{type: 'tag', values: {TAGS}}}}})")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


# ---- what cannot run -------------------------------------------------------------------------------------------------


def test_nothing_of_a_hostile_record_runs_and_all_of_it_is_shown_as_text(browser: Any) -> None:
    page = opened(browser, page_of(str(hostile_file())))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("window.broken") is None
    assert "<script>window.broken = true</script>" in page.inner_text("#case-rows")
    assert page.locator("#case-rows script, #case-rows img, article img").count() == 0


def test_the_policy_stops_a_script_that_is_injected_and_every_request(browser: Any) -> None:
    page = opened(browser, inspected())
    stopped: list[str] = []
    page.on("console", lambda message: stopped.append(message.text))
    page.evaluate(
        "(() => { const one = document.createElement('script'); one.textContent = 'window.broken = true';"
        " document.body.append(one); const image = new Image(); image.src = 'http://127.0.0.1:9/x.png';"
        " document.body.append(image);"
        " document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\" onclick=1>x'); })()"
    )
    page.wait_for_timeout(300)
    assert page.evaluate("window.broken") is None
    told = " ".join(stopped)
    assert "script-src" in told
    assert "img-src" in told
    assert "style-src" in told
