"""The letter in a browser: as wide as a mail window and as a telephone, nothing of it sticks out."""

import html as escaping
import re
import shutil
import subprocess
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from summary.letter import html
from tests.summary import letters

CHROMIUM = shutil.which("chromium")
WIDTHS = (600, 320)
PAGES = {
    "telling": letters.TELLING,
    "silent": letters.SILENT,
    "many": letters.of_many(40),
    "one long word": letters.strangers("W" * 500),
}
FRAME = (
    '<iframe name="{name} at {width}" width="{width}" height="600" style="border:0" srcdoc="{page}"></iframe>'
)
MEASURE = """<script>addEventListener("load", () => {
  document.title = Array.from(frames, it => `${it.name}: ${it.document.documentElement.scrollWidth}`).join(", ");
});</script>"""


@pytest.mark.chromium
def test_nothing_sticks_out(tmp_path: Path) -> None:
    assert CHROMIUM
    frames = (
        FRAME.format(name=name, width=width, page=escaping.escape(html(bulletin, ZoneInfo("UTC"))))
        for name, bulletin in PAGES.items()
        for width in WIDTHS
    )
    file = tmp_path / "frames.html"
    file.write_text(f"<!DOCTYPE html><title></title>{''.join(frames)}{MEASURE}", encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--hide-scrollbars",
        profile,
        "--dump-dom",
        file.as_uri(),
    ]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = re.search("<title>(.*?)</title>", shown)
    assert found
    assert found[1].split(", ") == [f"{name} at {width}: {width}" for name in PAGES for width in WIDTHS]
