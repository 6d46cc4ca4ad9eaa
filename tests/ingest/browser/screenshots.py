"""Write the pictures of docs/: the pages as the sample mailbox fills them, and its letter, on a desk and on a telephone.

python -m tests.ingest.browser.screenshots [DIR]
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, ViewportSize

from tests.ingest import letter_page
from tests.ingest.browser import browsing
from tests.ingest.browser.browsing import Looks, visiting
from tests.ingest.browser.site import Site, made, serving

DESK, NIGHT, TELEPHONE = Looks(), Looks(scheme="dark"), Looks(width=375)


@dataclass(frozen=True)
class Shot:
    """What is looked at."""

    path: str
    looks: Looks = DESK
    height: int = 760
    """Pixels: the rest of a page is more of the same."""
    site: str = "sample"


SHOTS = {
    "overview": Shot("/"),
    "overview-dark": Shot("/", NIGHT),
    "overview-phone": Shot("/", TELEPHONE, 1_600),
    "domain": Shot("/domains/example.org"),
    "domain-dark": Shot("/domains/example.org", NIGHT),
    "domain-phone": Shot("/domains/example.org", TELEPHONE, 1_600),
    "domain-sources": Shot("/domains/example.org#who", height=640),
    "source": Shot("/domains/example.org/source?who=Mimecast"),
    "report": Shot("/reports/1"),
    "ledger": Shot("/ledger"),
    "conflicts": Shot("/conflicts"),
    "empty": Shot("/", site="empty"),
}
"""By the name of the file."""
LETTERS = {"desktop": Looks(width=640), "phone-dark": Looks(width=320, scheme="dark")}
"""How docs/letter/sample.html is looked at."""
LETTER_HEIGHT = 1_560


def main() -> None:
    """Make the sites, and write a picture of each page."""
    docs = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    folder = docs / "web"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, ExitStack() as stack, browsing.browser() as chromium:
        serve = cache(lambda name: stack.enter_context(serving(made(name, Path(scratch)))))
        for name, shot in SHOTS.items():
            take(chromium, serve(shot.site), shot, folder / f"{name}.png")
            print(f"{folder / name}.png")  # noqa: T201 (a script says what it wrote)
        for name, looks in LETTERS.items():
            look_at_letter(chromium, looks, docs / "letter" / f"{name}.png")


def take(chromium: Browser, site: Site, shot: Shot, file: Path) -> None:
    """Write one picture."""
    with visiting(chromium, site.address, shot.looks) as visitor:
        assert visitor.open(shot.path).ok, shot
        tall = int(visitor.page.evaluate("document.body.offsetHeight"))
        visitor.page.set_viewport_size({"width": shot.looks.width, "height": min(tall, shot.height)})
        visitor.page.screenshot(path=file)


def look_at_letter(chromium: Browser, looks: Looks, file: Path) -> None:
    """Write a picture of the letter, as far as its first sources."""
    file.parent.mkdir(parents=True, exist_ok=True)
    size: ViewportSize = {"width": looks.width, "height": LETTER_HEIGHT}
    page = chromium.new_page(viewport=size, color_scheme=looks.scheme)
    page.goto((letter_page.FOLDER / "sample.html").as_uri())
    page.screenshot(path=file)
    page.close()
    print(file)  # noqa: T201 (the same)


if __name__ == "__main__":
    main()
