"""The page of a run and its other files: what stands in them, that nothing can run in them, and that numbers agree."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import json
import re
import zipfile
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from command_line import AS_OF, CASES, copied_pack, riskflags
from junitparser import JUnitXml
from pages import HOSTILE, hostile_file, inspected, many, page_of

from riskflags.report import workbook
from riskflags.report.page import values
from riskflags.report.page.charts import bars, line, network
from riskflags.report.page.values import Suspect

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = sorted(map(str, CASES.glob("*.jsonl")))


class Parsed(HTMLParser):
    """A page taken apart: its elements with their attributes, the text in each sort, and all its words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.words = " ".join(
            " ".join(self.texts.get(tag, [])) for tag in sorted(set(self.texts) - {"script", "style"})
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.texts["script"][0])
        return found


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# ---- what nothing can break ------------------------------------------------------------------------------------------


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else() -> None:
    page = Parsed(inspected())
    (policy,) = [
        element["content"] for tag, element in page.elements if element.get("http-equiv") == "Content-Security-Policy"
    ]
    style, script = page.texts["style"], page.texts["script"][1]
    assert policy == (
        f"default-src 'none'; script-src {hash_of(script)}; style-src {hash_of(''.join(style))}; base-uri 'none'; "
        "form-action 'none'"
    )


@pytest.mark.parametrize("files", [FILES, [str(hostile_file())]], ids=["inspected", "hostile"])
def test_no_element_has_a_style_a_handler_or_an_address_elsewhere(files: Sequence[str]) -> None:
    for tag, attributes in Parsed(page_of(*files)).elements:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("href", "src", "action", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", Path(page_of(*files)).read_text(encoding="utf-8"))


def test_text_of_records_stays_text_however_hostile() -> None:
    page = Parsed(page_of(str(hostile_file())))
    assert [tag for tag, _ in page.elements if tag == "script"] == ["script", "script"]
    assert [tag for tag, _ in page.elements if tag in ("img", "b", "iframe")] == []
    found = page.data()["cases"]
    assert {case["incident"] for case in found} == {f"{HOSTILE['incident.id']}{number}" for number in (1, 2)}
    assert {case["unit"] for case in found} == {HOSTILE["incident.unit"]}
    assert HOSTILE["incident.id"] in page.words


def test_names_in_charts_are_short_and_plain_text() -> None:
    name = f"$x^2$ \u0627\u0644\u0639 <b> {'y' * 10_000}"
    for drawn in (bars([(name, 1)], label=name), network([Suspect(name, ("a", "b$"))], label="Links")):
        root = ET.fromstring(drawn)  # noqa: S314 - it is our own
        texts = ["".join(text.itertext()) for text in root.iter() if text.tag.endswith("text")]
        assert any(text.startswith("$x^2$ \u0627\u0644\u0639 <b> ") and len(text) < 60 for text in texts)


def test_a_chart_has_a_name_no_style_and_ids_of_its_own() -> None:
    first, second = line([("A", 0.5), ("B", None), ("C", 1)], label="One", marks=["B"]), bars([("x", 2)], label="Two")
    for drawn, label in ((first, "One"), (second, "Two")):
        root = ET.fromstring(drawn)  # noqa: S314 - it is our own
        assert (root.get("role"), root.get("aria-label")) == ("img", label)
        assert not [element for element in root.iter() if "style" in element.attrib or element.tag.endswith("style")]
    ids = [re.findall(r'id="([^"]+)"', drawn) for drawn in (first, second)]
    assert not set(ids[0]) & set(ids[1])


# ---- what stands in it -----------------------------------------------------------------------------------------------


def test_the_first_screen_tells_which_child_needs_what_from_whom() -> None:
    words = " ".join(Parsed(inspected()).words.split())
    assert "2 children with a critical flag" not in words  # three have: A, B and C, whose flag on the child is late
    assert "3 children with a critical flag and no record of a required action that is overdue, worst first." in words
    assert "No record of: The child seen and spoken to, with words and demeanour" in words
    assert "21 days overdue" in words
    assert "Suspect free, and the child in reach" in words
    assert "OFFICIAL-SENSITIVE" in words


def test_of_several_children_the_first_table_tells_who_owes_which_of_them_what() -> None:
    page = html.unescape(inspected().read_text(encoding="utf-8"))
    table = page[page.index("Which child needs what, and from whom") :].partition("</table>")[0]
    rows = [re.findall(r">([^<>]+)<", row) for row in table.split("<tr>")[2:]]
    assert [row[0] for row in rows] == ["CHILD-A"] * 3 + ["CHILD-B"] * 3 + ["CHILD-C"]
    assert rows[0] == ["CHILD-A", "Social work team manager", "A strategy discussion held with its outcome", "34 days"]
    assert 'href="#case=CASE-A-4%7CCHILD-A"' in table


BORN = """
code: M99
id: born-early
title: Born before a day
why: It shows a personal field.
version: 1
status: draft
when: {child.date_of_birth: {before: 2020-01-01}}
flag: {severity: critical, about: child, message: Born early}
requires: [see_child]
"""


def test_a_page_masks_personal_fields_unless_they_are_asked_for(tmp_path: Path) -> None:
    (copied_pack(tmp_path) / "missing" / "born-early.yaml").write_text(BORN, encoding="utf-8")
    options = ("--rules", str(tmp_path / "pack"), "--drafts")
    masked, shown = (page_of(*FILES, options=(*options, *more)).read_text() for more in ((), ("--show-personal",)))
    assert "child.date_of_birth before 1 January 2020" in masked
    assert "&lt;date&gt;" in masked
    assert "masked in explanations" in masked
    assert "&lt;date&gt;" not in shown
    assert "shown in explanations" in shown


def test_the_marking_is_what_was_asked_for() -> None:
    assert Parsed(inspected("--marking", "OFFICIAL <test>")).texts["p"][0] == "OFFICIAL <test>"


def test_a_run_without_flags_has_a_page(tmp_path: Path) -> None:
    file = tmp_path / "quiet.csv"
    file.write_text("incident.id,incident.type,incident.reported_at,child.id\nI1,other,2026-01-05T10:00,C1\n")
    page = Parsed(page_of(str(file)))
    assert page.data()["cases"] == []
    assert "No record with a critical flag has a required action that is overdue." in page.words


def test_what_falls_due_is_told_by_day(tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    record = {"incident.id": "I1", "incident.type": "missing_episode", "incident.reported_at": "2025-10-16T08:00"}
    file.write_text(json.dumps(record | {"child.id": "C1", "child.in_care": "yes"}))
    page = page_of(str(file)).read_text(encoding="utf-8")
    first, second = re.findall(r"<caption>(Falls due[^<]*)", page)
    assert (first, second) == (
        "Falls due in the next 24 hours, with no record yet",
        "Falls due in the 48 hours after that, with no record yet",
    )
    assert "A missing risk assessment with its rationale" in page


def test_what_falls_due_first_stands_first(tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    records = [
        {"incident.id": name, "incident.type": "missing_episode", "incident.reported_at": at, "child.in_care": "yes"}
        for name, at in (("late", "2025-10-09T19:30"), ("soon", "2025-10-08T21:30"))
    ]
    file.write_text("\n".join(json.dumps(record | {"child.id": "C1"}) for record in records))
    page = page_of(str(file), as_of="2025-10-09T20:00").read_text(encoding="utf-8")
    table = page.partition("<caption>Falls due in the next 24 hours")[2].partition("</table>")[0]
    due = re.findall(r"<th scope=\"row\">([^<]*)</th>", table)
    moments = [datetime.strptime(words, "%d %B %Y, %I:%M%p") for words in due]  # noqa: DTZ007 - one zone
    assert {moment.day for moment in moments} == {9, 10}
    assert moments == sorted(moments)


def test_of_many_flagged_records_the_worst_are_listed_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Parsed(inspected()).data()["cases"]
    monkeypatch.setattr(values, "MOST_CASES", 3)
    monkeypatch.setattr(values, "MOST_TOLD", 1)
    page = Parsed(page_of(*FILES, options=("--marking", "A")))  # not the page that is kept
    cases = page.data()["cases"]
    assert [case["id"] for case in cases] == [case["id"] for case in whole[:3]]
    assert [bool(case["flags"][0]["told"]) for case in cases] == [True, False, False]
    assert "9 records are flagged. This page lists the worst 3;" in page.words


def test_the_page_and_the_terminal_tell_the_same_numbers() -> None:
    told = riskflags("run", *FILES, "--as-of", AS_OF).stdout
    page = html.unescape(inspected().read_text(encoding="utf-8"))
    lines = re.findall(
        r"^  (\S.*) \(([^()]+)\): (\d+) no record(?:, (\d+) late)?, of (\d+) required", told, re.MULTILINE
    )
    assert len(lines) > 5
    for label, owner, none, *_ in lines:
        row = re.search(rf'class="tall">{re.escape(label)}</a></th><td>{re.escape(owner)}</td>(.*?)</tr>', page)
        assert row is not None, label
        assert re.findall(r">([^<]*)</td>", row[1])[3] == none, label


def test_the_same_run_gives_the_same_page() -> None:
    pages = [page_of(*FILES, options=("--marking", "SAME", *more)) for more in ((), ("--strict",))]
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.parametrize("library", ["jinja2", "matplotlib", "ibis"])
def test_without_its_libraries_a_page_is_refused_at_once(
    library: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == library else find(name))
    found = riskflags("run", *FILES, "--html", tmp_path / "page.html")
    assert found.exit_code == 4
    assert f"--html needs {library}. Install it with: pip install 'riskflags[batch,report]'" in found.stderr
    assert not (tmp_path / "page.html").exists()


def test_many_incidents_have_a_page_with_every_part() -> None:
    page = Parsed(many(120))
    captions = " ".join(page.texts["caption"])
    for part in ("by week", "Strategy discussions", "Suspects without a decision", "How each rule came out", "by unit"):
        assert part in captions
    assert sum(tag == "svg" for tag, _ in page.elements) >= 4


# ---- other files -----------------------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_requirement_that_fails_where_there_is_a_gap(tmp_path: Path) -> None:
    found = riskflags("run", *FILES, "--as-of", AS_OF, "--junit", tmp_path / "run.xml", "--out", tmp_path / "out")
    assert found.exit_code == 0
    report = JUnitXml.fromfile(str(tmp_path / "run.xml"))
    numbers = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    states = numbers["requirements"].values()
    assert sum(suite.tests or 0 for suite in report) == sum(sum(state.values()) for state in states)
    assert sum(suite.failures or 0 for suite in report) == numbers["gaps"]
    assert sum(suite.skipped or 0 for suite in report) == sum(state.get("cannot_tell", 0) for state in states)
    text = (tmp_path / "run.xml").read_text(encoding="utf-8")
    assert 'message="No record of a crime recorded. Attending officer. Due 24 September 2025, 10:00am' in text


def sheets(path: Path) -> dict[str, ET.Element]:
    """Return the sheets of a workbook by name."""
    with zipfile.ZipFile(path) as file:
        book = ET.fromstring(file.read("xl/workbook.xml"))  # noqa: S314 - it is our own
        names = [sheet.attrib["name"] for sheet in book.iter() if sheet.tag.endswith("}sheet")]
        return {name: ET.fromstring(file.read(f"xl/worksheets/sheet{n}.xml")) for n, name in enumerate(names, start=1)}  # noqa: S314


def test_a_workbook_has_a_sheet_for_each_table_with_its_heading_frozen_and_filters(tmp_path: Path) -> None:
    riskflags("run", hostile_file(), "--as-of", AS_OF, "--out", tmp_path, "--format", "xlsx")
    found = sheets(tmp_path / "riskflags.xlsx")
    assert list(found) == ["flags", "requirements", "grades", "undecided", "not_assessed", "rejects", "warnings"]
    for sheet in found.values():
        tags = {element.tag.rpartition("}")[2] for element in sheet.iter()}
        assert {"pane", "autoFilter", "cols"} <= tags
        assert "f" not in tags  # no formula, whatever a record holds
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["files"] == ["riskflags.xlsx", "summary.json"]


def test_a_table_that_a_sheet_cannot_hold_goes_on_in_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROWS", 5)
    riskflags("run", *FILES, "--as-of", AS_OF, "--out", tmp_path, "--format", "xlsx")
    names = list(sheets(tmp_path / "riskflags.xlsx"))
    assert names[:3] == ["flags", "flags 2", "flags 3"]
    rows = [
        sum(one.tag.endswith("}row") for one in sheet.iter()) for sheet in sheets(tmp_path / "riskflags.xlsx").values()
    ]
    assert max(rows) == 6
