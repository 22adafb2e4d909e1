"""A report as one HTML file: no scripts, nothing loaded from anywhere, figures inline."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from reports.blocks import Figure
from reports.build import build_report
from reports.figures import style
from reports.late import late

TEMPLATES = Path(__file__).parent / "templates"
THEME = {
    style.INK: "--fig-ink",
    style.MUTED: "--fig-muted",
    style.GRID: "--fig-grid",
    style.SET: "--fig-set",
    style.REPORTED: "--fig-reported",
    style.MEASURED: "--fig-measured",
    style.SECOND: "--fig-second",
    style.THIRD: "--fig-third",
    style.LIMIT: "--fig-limit",
    style.SHADE: "--fig-shade",
    style.GAP: "--fig-gap",
    **{colour: f"--outcome-{name.lower().replace('_', '-')}" for name, colour in style.OUTCOME.items()},
}
COLOUR = re.compile("|".join(map(re.escape, THEME)))
HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
METADATA = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
SIZE = re.compile(r' (?:width|height)="[\d.]+pt"')
FONT = re.compile(r"font-family: [^;\"]*")
ID = re.compile(r'(\bid="|url\(#|href="#)')
STILL = re.compile(r' transform="rotate\(-0 [^"]*\)"')
FIRST_TAG = re.compile(r"<svg[^>]*>")
TAG = re.compile(r"<[^>]*>")


def render_html(document: dict[str, Any], curves: dict[str, Any]) -> str:
    """Return the report on ``document`` and ``curves`` as one self-contained page; same input, same text."""
    jinja2 = late("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    report = build_report(document, curves)
    pictures = {name: inline_svg(figure) for name, figure in report.figures.items()}
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    page: str = environment.get_template("report.html.jinja").render(report=report, pictures=pictures, css=css)
    return page


def inline_svg(figure: Figure) -> str:
    """Return a figure for use inside a page: ids of its own, the page's fonts and colours, and an accessible name."""
    drawn = METADATA.sub("", HEAD.sub("", figure.svg, count=1))
    drawn = TAG.sub(lambda tag: _inline_tag(tag.group(), figure.name), STILL.sub("", drawn))
    opening = FIRST_TAG.search(drawn)
    start = opening.end() if opening else 0
    first = SIZE.sub("", drawn[:start]).replace(
        "<svg", f'<svg role="img" aria-label="{escape(figure.alt, quote=True)}"', 1
    )
    return re.sub(r">\s+<", "><", first + drawn[start:]).strip()


def _inline_tag(tag: str, name: str) -> str:
    """Return one SVG tag with prefixed ids, themed colours and inherited font; text between tags is not touched."""
    if tag.startswith("<!--"):
        return ""
    tag = ID.sub(rf"\g<1>{name}-", tag)
    tag = FONT.sub("font-family: inherit", tag)
    return COLOUR.sub(lambda colour: f"var({THEME[colour.group()]})", tag)
