"""The pages of the reference, made from the tables that the loader reads and from a pack: Markdown, by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.report.reference.catalogue import catalogue_page
from riskflags.report.reference.fields import fields_page
from riskflags.report.reference.formats import format_pages
from riskflags.report.reference.harms import harms_page
from riskflags.report.reference.language import language_page
from riskflags.report.reference.mappings import mappings_page
from riskflags.report.reference.packs import actions_page, rules_page, vocabulary_page
from riskflags.report.reference.problems import problems_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.errors import Problem
    from riskflags.pack import Pack

__all__ = ["reference_pages"]


def reference_pages(pack: Pack, *, problems: Mapping[str, Problem]) -> dict[str, str]:
    """Return the pages of the reference by file name: of the language, of formats, of a pack, and of harms.

    `problems` are real ones, by code, that are shown as examples of their codes.
    """
    pages = {
        "fields.md": fields_page(pack),
        "language.md": language_page(pack),
        "problems.md": problems_page(problems),
        "catalogue.md": catalogue_page(pack),
        "rules.md": rules_page(pack),
        "actions.md": actions_page(pack),
        "vocabulary.md": vocabulary_page(pack),
        "harms.md": harms_page(pack),
        "mappings.md": mappings_page(),
        **format_pages(pack),
    }
    return {name: text for name, text in pages.items() if text}
