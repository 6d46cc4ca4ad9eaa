"""A real browser before the pages: where it goes, and everything that it complains about."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    Request,
    Response,
    Route,
    sync_playwright,
)

Scheme: TypeAlias = Literal["light", "dark"]

CHROMIUM = shutil.which("chromium")
WIDTHS = (1280, 375)
HEIGHT = 900
SCHEMES: Sequence[Scheme] = ("light", "dark")
MILLISECONDS = 60_000
"""After which a page that should have come counts as stuck."""


@dataclass(frozen=True)
class Looks:
    """How somebody looks at pages."""

    width: int = 1280
    scheme: Scheme = "light"
    javascript: bool = True

    def __str__(self) -> str:
        return f"{self.width} {self.scheme}{'' if self.javascript else ' without JavaScript'}"


LOOKS: Sequence[Looks] = [Looks(width, scheme) for width, scheme in product(WIDTHS, SCHEMES)]


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium, which is not the one that Playwright would download."""
    assert CHROMIUM, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield running
        finally:
            running.close()


@dataclass
class Visitor:
    """One window, and what went wrong in it."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    """Messages of the console (violations of the content security policy are among them), errors, dialogs, requests to
    strangers and answers that are errors; each begins with the page's path."""

    def open(self, path: str) -> Response:
        """Go to a path of the site."""
        response = self.page.goto(self.address + path, wait_until="load")
        assert response
        return response

    def wear(self, looks: Looks) -> None:
        """Look at the page that is open in another way; JavaScript stays as it is."""
        self.page.set_viewport_size({"width": looks.width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=looks.scheme)

    def complain(self, what: str) -> None:
        """Note what went wrong, and where."""
        self.complaints.append(f"{urlsplit(self.page.url)._replace(scheme='', netloc='').geturl()}: {what}")

    def guard(self, route: Route, request: Request) -> None:
        """Let nothing out but requests to the site."""
        if request.url.startswith((f"{self.address}/", "data:")):
            route.continue_()
        else:
            self.complain(f"asks for {request.url}")
            route.abort()

    def dismiss(self, dialog: Dialog) -> None:
        """Close a dialog: no page has any."""
        self.complain(f"dialog: {dialog.message}")
        dialog.dismiss()

    def answered(self, response: Response) -> None:
        """Note errors of what a page loads; the page's own status is its test's business."""
        if not response.request.is_navigation_request() and not response.ok:
            self.complain(f"{response.status} for {response.url}")


@contextmanager
def visiting(browser: Browser, address: str, looks: Looks = Looks()) -> Iterator[Visitor]:
    """Open a window that never saw the site before; what it complains about fails whoever asked for it."""
    context = _context(browser, looks)
    visitor = Visitor(context.new_page(), address)
    visitor.page.route("**/*", visitor.guard)
    visitor.page.on("console", lambda message: visitor.complain(f"console: {message.text}"))
    visitor.page.on("pageerror", lambda error: visitor.complain(f"error: {error}"))
    visitor.page.on("response", visitor.answered)
    visitor.page.on("dialog", visitor.dismiss)
    try:
        yield visitor
        assert not visitor.complaints, "\n".join(visitor.complaints)
    finally:
        context.close()


def _context(browser: Browser, looks: Looks) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": looks.width, "height": HEIGHT},
        color_scheme=looks.scheme,
        reduced_motion="reduce",
        java_script_enabled=looks.javascript,
        accept_downloads=False,
    )
    context.set_default_timeout(MILLISECONDS)
    return context
