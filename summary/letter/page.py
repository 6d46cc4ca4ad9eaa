"""What a letter says in, a page that mail programs show out: tables, styles in the elements, nothing from elsewhere."""

import re
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from summary.bulletin import Bulletin
from summary.letter.parts import READING, TABLE, Letter, Limits, called, letter

HERE: Final = Path(__file__).parent
MOST: Final = 100_000
"""Bytes that a page stays below: Gmail cuts off what follows 102 KB."""
STEPS: Final = (
    Limits(rows=100, parts=6, notes=10, cards=6, longest=1200),
    Limits(rows=50, parts=3, notes=6, cards=4, longest=800),
    Limits(rows=20, parts=2, notes=4, cards=3, longest=400),
    Limits(rows=10, parts=1, notes=3, cards=2, longest=200),
)
"""From a letter as long as people read to one that fits whatever strangers wrote into it."""


def _prose(sentence: str) -> Markup:
    """Set what stands between back-quotes as what one types."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 (escaped)


_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(called=called, prose=_prose)
_STYLES = {
    name: Markup((HERE / f"{name}.css").read_text(encoding="utf-8"))  # noqa: S704 (our own files)
    for name in ("style", "screens")
}
_INLINER = CSSInliner(minify_css=True, load_remote_stylesheets=False)


def fitting(bulletin: Bulletin, timezone: ZoneInfo) -> tuple[Letter, str]:
    """Give the longest letter whose page is not cut off, and that page."""
    for limits in STEPS[:-1]:
        said = letter(bulletin, timezone, limits)
        page = _page(said)
        if len(page.encode()) < MOST:
            return said, page
    said = letter(bulletin, timezone, STEPS[-1])
    return said, _page(said)


def _page(said: Letter) -> str:
    template = _TEMPLATES.get_template("letter.html.j2")
    return _INLINER.inline(template.render(letter=said, TABLE=TABLE, READING=READING, **_STYLES))
