"""The page of mapping files: every key that one can have, from the tables that their loader reads."""

from __future__ import annotations

from typing import get_args

from riskflags.mapping.formats import EXCEL_SERIAL, TIME_FORMATS
from riskflags.mapping.grammar import FORMS, SHAPES
from riskflags.mapping.model import DELIMITERS, ENCODINGS, USUAL_DATES, RowsKind
from riskflags.report.reference.markdown import anchor, code, codes, page, table

_ABOUT = (
    "A mapping says how the columns of an extract become the fields of a record: [what a format can tell](formats.md) "
    "shows the shipped ones, and [how to read your own extract](../how-to/read-your-own-extract.md) begins one. "
    "Nothing is guessed: a cell that no line of the mapping explains is a warning or a reject, with its row and column."
)
_SOURCES = (
    "A field is filled by `table.Header`, by a list of these (the first that the file has), or by one of the forms "
    "below. `values` says what each cell means; what it does not list is a warning, unless `otherwise` says more."
)
_DATES = (
    "`dd`, `mm`, `hh` and `ss` are two digits, `d`, `m` and `h` one or two, `mmm` is an English month such as Jan, "
    f"`yyyy` or `yy` a year, and `AM` is AM or PM. After an hour `mm` is minutes. `{EXCEL_SERIAL}` is the number of "
    "days that a spreadsheet counts. Formats are tried in their order on every date of the mapping."
)
_TESTS = (
    "`{Role: Victim}`, `{Role: {in: [Victim, Witness]}}`, `{Age: {at_most: 17}}`, `{Age: {between: [1, 17]}}`; joined "
    "by `all`, `any` or `none`. A test of a table names its headers; one of a field names `table.Header`."
)
_OPEN = (
    "A question that stands under `open` keeps the mapping from being used. Each is told with its place and with what "
    "to write; the author answers it and takes it out."
)


def mappings_page() -> str:
    """Return the page of the language of mapping files."""
    forms = ((code(form), codes(sorted(beside))) for form, beside in FORMS.items())
    kinds = [kind for kind in get_args(RowsKind) if kind != "lookup"]
    usual = [
        ("encodings", codes(ENCODINGS)),
        ("delimiters", codes(DELIMITERS)),
        ("what rows can be", codes(kinds)),
        ("formats of dates without `dates`", codes(USUAL_DATES)),
        ("formats of times", codes(TIME_FORMATS)),
    ]
    return page(
        "Mapping files",
        _ABOUT,
        f"## Open questions\n\n{_OPEN}",
        f"## What fills a field\n\n{_SOURCES}\n\n{table(['form', 'may stand beside it'], forms)}",
        f"## Tests of a row\n\n{_TESTS}",
        f"## Dates\n\n{_DATES}",
        f"## Words\n\n{table(['for', 'one of'], usual)}",
        "## Every key",
        *(_shape(shape) for shape in SHAPES),
    )


def _shape(shape: str) -> str:
    rows = [(code(key), one.takes, "yes" if one.missing else "") for key, one in SHAPES[shape].items()]
    return f'<a id="{anchor(shape)}"></a>\n\n### {shape}\n\n{table(["key", "takes", "needed"], rows)}'
