"""Where people look: the settings of `ruamill web`."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, IPvAnyNetwork

from ingest.settings.base import ONE_OR_SEVERAL, Section


def _root(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", text):
        raise ValueError('must be a path such as "/dmarc"')
    return text.rstrip("/")


def _field(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise ValueError('must be the name of a header field such as "X-Forwarded-User"')
    return text


class WebSettings(Section):
    """Who may look at the pages, and where they are served."""

    host: str = "127.0.0.1"
    """Anything but loopback is refused unless people are told apart: by `users_file` or by `user_header`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0: any that is free."""
    root_path: Annotated[str, AfterValidator(_root)] = ""
    """Where a reverse proxy has put the pages: /dmarc for https://intranet.example.org/dmarc/; no slash at its end."""
    users_file: Path | None = None
    """Names and bcrypt hashes, a line each, as `htpasswd -B` writes them."""
    user_header: Annotated[str, AfterValidator(_field)] | None = None
    """The header field in which a reverse proxy names whom it let in, such as X-Forwarded-User."""
    proxies: Annotated[tuple[IPvAnyNetwork, ...], ONE_OR_SEVERAL] = ()
    """From whom that header is believed; loopback always is."""
