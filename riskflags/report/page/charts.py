"""Charts of figures as inline SVG: in the page's colours, and without style attributes, which its policy forbids.

Each chart stands beside a table of the same numbers; what it says is in its label.
"""

from __future__ import annotations

import io
import re
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.report.page.values import Suspect

mpl: Any = import_module("matplotlib")  # its types are partly unknown
figures: Any = import_module("matplotlib.figure")
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_BAR = "#3d7ec2"
"""Blue that stands out on white and on black alike (contrast of at least 3 to 1 on both)."""
_WIDE, _ROW = 7.0, 0.34
_LONGEST = 48
"""Characters of a name in a chart: the table beside it holds it whole."""
_SETTINGS = {
    "svg.fonttype": "none", "svg.hashsalt": "riskflags", "font.family": "sans-serif", "font.size": 10,
    "text.parse_math": False,
}  # fmt: skip


def bars(pairs: Sequence[tuple[str, float]], *, label: str, unit: str = "") -> str:
    """Return a bar for each name with its number, the first on top."""
    figure, axes = _figure(len(pairs))
    names = [_name(name) for name, _ in pairs]
    drawn = axes.barh(range(len(pairs)), [number for _, number in pairs], color=_BAR)
    axes.set_yticks(range(len(pairs)), names)
    axes.bar_label(drawn, labels=[f"{number:g}{unit}" for _, number in pairs], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.xaxis.set_visible(False)
    return _svg(figure, label=label)


def line(points: Sequence[tuple[str, float | None]], *, label: str, marks: Sequence[str] = ()) -> str:
    """Return shares over time as a line from 0% to 100%; a point without a share is a gap in it.

    `marks` are names of points at which the rules changed.
    """
    figure, axes = _figure(7)
    places = [place for place, (_, share) in enumerate(points) if share is not None]
    axes.plot(places, [share * 100 for _, share in points if share is not None], color=_BAR, marker="o", markersize=4)
    axes.set_ylim(-5, 105)
    axes.set_yticks([0, 50, 100], ["0%", "50%", "100%"])
    step = max(1, len(points) // 8)
    axes.set_xticks(range(0, len(points), step), [name for name, _ in points][::step])
    names = [name for name, _ in points]
    for mark in marks:
        axes.axvline(names.index(mark), color="black", linestyle=":", linewidth=1)
    return _svg(figure, label=label)


def network(suspects: Sequence[Suspect], *, label: str) -> str:
    """Return suspects on the left and the children to whom they are linked on the right, with a line for each link."""
    children = sorted({child for one in suspects for child in one.children})
    figure, axes = _figure(max(len(suspects), len(children)) + 1)
    left = {one.suspect: _spread(place, len(suspects)) for place, one in enumerate(suspects)}
    right = {child: _spread(place, len(children)) for place, child in enumerate(children)}
    for one in suspects:
        for child in one.children:
            axes.plot([0, 1], [left[one.suspect], right[child]], color=_BAR, linewidth=1)
        axes.text(-0.03, left[one.suspect], _name(one.suspect), ha="right", va="center", parse_math=False)
    for child, height in right.items():
        axes.text(1.03, height, _name(child), ha="left", va="center", parse_math=False)
    axes.plot([0] * len(left), list(left.values()), "s", color=_BAR)
    axes.plot([1] * len(right), list(right.values()), "o", color=_BAR)
    axes.set_xlim(-0.8, 1.8)
    axes.set_ylim(0, 1)
    axes.axis("off")
    return _svg(figure, label=label)


def _name(text: str) -> str:
    """Return a name as a chart can show it: not too long."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _spread(place: int, many: int) -> float:
    return 1 - (place + 0.5) / many


def _figure(rows: int) -> tuple[Any, Any]:
    with mpl.rc_context(_SETTINGS):
        figure = figures.Figure(figsize=(_WIDE, max(1.0, _ROW * rows + 0.4)), layout="constrained")
        axes = figure.add_subplot()
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    return figure, axes


def _svg(figure: Any, *, label: str) -> str:
    """Return a figure as SVG with presentation attributes alone, named for those who do not see it."""
    written = io.BytesIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # text stays text
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    ET.register_namespace("", _SVG)
    root = ET.fromstring(written.getvalue())  # noqa: S314 - it is our own
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    prefix = re.sub(r"\W+", "-", label.lower())[:40]
    for element in root.iter():
        _plainly(element, prefix)
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.set("role", "img")
    root.set("aria-label", label)
    root.set("class", "chart")
    return ET.tostring(root, encoding="unicode")


def _plainly(element: ET.Element, prefix: str) -> None:
    """Turn a style into attributes of its own, black into the colour of the text, and ids into the chart's."""
    for part in element.attrib.pop("style", "").split(";"):
        name, _, value = (piece.strip() for piece in part.partition(":"))
        if name:
            element.set(name, "sans-serif" if name == "font-family" else value)
    for name, value in list(element.attrib.items()):
        if value in ("#000000", "black"):
            element.set(name, "currentColor")
        if name == "id":
            element.set(name, f"{prefix}-{value}")
        elif value.startswith("url(#"):
            element.set(name, value.replace("url(#", f"url(#{prefix}-"))
        elif name == f"{{{_XLINK}}}href":
            del element.attrib[name]
            element.set("href", value.replace("#", f"#{prefix}-", 1))
    if element.tag.rpartition("}")[2] == "text" and "fill" not in element.attrib:
        element.set("fill", "currentColor")
