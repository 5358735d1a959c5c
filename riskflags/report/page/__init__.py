"""The page of a run: one HTML file that works from a file share, for those who must act and those who lead.

Nothing is fetched, and only the page's own script and style run: its Content-Security-Policy names them by their hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from riskflags.report.page.contents import contents
from riskflags.report.page.parts import Source
from riskflags.report.page.values import Kept, severity_names

if TYPE_CHECKING:
    from riskflags.report.page.contents import Contents
    from riskflags.report.page.values import CaseOnPage

__all__ = ["Kept", "Source", "render"]


def render(source: Source) -> str:
    """Return the page as HTML."""
    made = contents(source)
    style, script = _file("page.css"), _file("page.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    page: str = _template().render(page=made, style=style, script=script, policy=policy, data=_data(made))
    return page


@cache
def _template() -> Any:
    environment = Environment(
        loader=FunctionLoader(_file), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2")


@cache
def _file(name: str) -> str:
    return resources.files("riskflags.report.page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _data(made: Contents) -> str:
    """Return the cases as JSON that cannot end the element it stands in."""
    data = {"severities": list(severity_names()), "cases": [_case(place, one) for place, one in enumerate(made.cases)]}
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _case(place: int, one: CaseOnPage) -> dict[str, Any]:
    return {
        "place": place,
        "id": one.id,
        "incident": one.incident,
        "child": one.child,
        "severity": one.severity,
        "unit": one.unit,
        "age": one.age_band,
        "care": one.in_care,
        "open": one.open,
        "flags": [asdict(flag) for flag in one.flags],
        "gaps": [
            {
                "action": gap.action, "label": gap.label, "owner": gap.owner, "state": gap.state, "due": gap.due,
                "late": gap.late, "hours": gap.late_hours, "short": gap.short_of, "suspect": gap.suspect,
            }
            for gap in one.gaps
        ],
    }  # fmt: skip
