"""The configuration file: who may read it, and what it leaves open."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr

from ingest.doctor.findings import Finding, note, ok, warning, wrong
from ingest.settings import ImapSettings, Settings

PRIVATE = ("certificate_file", "service_account_file", "refresh_token_file")
"""Keys of [mailbox.oauth] that name a file which opens the mailbox."""


def findings(settings: Settings, file: Path | None) -> Iterator[Finding]:
    """Look at settings that were read from this file, or from the environment alone."""
    yield _file(file)
    if file and _holds_a_secret(settings, file):
        yield from _readable(file, "it holds a password")
    for box in settings.mailbox:
        if isinstance(box, ImapSettings) and box.oauth:
            for key in PRIVATE:
                if path := getattr(box.oauth, key, None):
                    yield from _readable(path, "it holds a key to the mailbox")
    yield from _left_open(settings)


def _file(file: Path | None) -> Finding:
    if file:
        return ok("file", f"{file.absolute()}: every setting is valid")
    return note(
        "file",
        "there is none: everything comes from the environment, or is as it is by default",
        "write one with `ruamill init`, or name yours with --config",
    )


def _holds_a_secret(settings: Settings, file: Path) -> bool:
    written = file.read_text(encoding="utf-8")
    return any(quote + secret + quote in written for secret in _secrets(settings) for quote in "\"'")


def _secrets(value: object) -> Iterator[str]:
    """Find the secrets in settings; of the database's URL only one with a password."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if text and ("://" not in text or "@" in text):
            yield text
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _secrets(each)


def _readable(file: Path, what: str) -> Iterator[Finding]:
    """Tell of a file that others may read, or we may not."""
    try:
        mode = file.stat().st_mode
        file.open("rb").close()
    except OSError as error:
        yield wrong(
            "rights", f"{file} cannot be read ({error.strerror})", "let the user of the daemon read it"
        )
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        text = f"{what}, and every user of this machine may read or change it: {file}"
        yield warning("rights", text, f"chmod o= {file}, and give it to the daemon's user or group")


def _left_open(settings: Settings) -> Iterator[Finding]:
    if not settings.mailbox:
        advice = "add a [[mailbox]]; without one only `ruamill ingest` has work"
        yield warning("mailbox", "none is configured: the daemon has nothing to do", advice)
    if not settings.domains:
        text = "empty: reports about any domain are counted, made-up ones too"
        yield note("domains", text, 'name yours, such as domains = ["example.org"]')
    if not settings.accept.trusted_authserv_id:
        text = "empty: nobody vouches for who sent a report, so made-up ones are taken like any other"
        yield note("accept.trusted_authserv_id", text, "name the server that checks your incoming mail")
    if os.geteuid() == 0:
        text = "you are root, who may do what the daemon's user may not"
        yield note("user", text, "run it as that user: sudo -u ruamill ruamill doctor")
