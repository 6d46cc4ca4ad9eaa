"""A Maildir on this machine: its settings in, findings out. No message is read, none is changed."""

from collections.abc import Iterator
from pathlib import Path

from ingest.doctor import disk
from ingest.doctor.findings import DeadEndError, Finding, note, ok, wrong
from ingest.maildir import PARTS, subfolder
from ingest.settings import MaildirSettings


def findings(settings: MaildirSettings) -> Iterator[Finding]:
    """Look at its folders, and at what this user may do there. Raises DeadEndError."""
    yield _messages(settings.path)
    if settings.after == "leave":
        return
    for part in ("new", "cur"):
        yield from _writable(settings.path / part)
    if settings.after == "move":
        for name in dict.fromkeys((settings.processed, settings.failed, settings.ignored)):
            yield from _target(settings.path, name)


def _messages(path: Path) -> Finding:
    """Count what lies in it."""
    try:
        missing = [part for part in PARTS if not (path / part).is_dir()]
        number = 0 if missing else sum(1 for part in ("new", "cur") for _ in (path / part).iterdir())
    except OSError as error:
        text = f"{path} cannot be read ({error.strerror})"
        raise DeadEndError(wrong("path", text, "let the user of the daemon read and write there")) from None
    if missing:
        advice = "check path: it names the folder that has cur, new and tmp in it"
        raise DeadEndError(wrong("path", f"no Maildir at {path}: {', '.join(missing)} missing", advice))
    return ok("path", f"{path}: {number:,} {'message' if number == 1 else 'messages'} there")


def _writable(folder: Path) -> Iterator[Finding]:
    if reason := disk.refusal(folder):
        advice = 'let the user of the daemon write there, or set after = "leave"'
        yield wrong("rights", f"nothing can be changed in {folder} ({reason})", advice)


def _target(path: Path, name: str) -> Iterator[Finding]:
    """Look at the Maildir++ folder that messages are moved to."""
    folder = subfolder(path, name)
    cur = folder / "cur"
    if not cur.is_dir():
        if reason := disk.refusal(folder if folder.is_dir() else path):
            advice = f"make it ({folder}, with cur, new and tmp in it), or let the user of the daemon make it"
            yield wrong("folder", f"{name} is missing and cannot be made ({reason})", advice)
        else:
            yield note("folder", f"{name} is not there yet: the first message that goes there makes it")
        return
    if cur.stat().st_dev != (path / "cur").stat().st_dev:
        advice = (
            "keep both on one disk: a message is moved in one step, which cannot cross from one to another"
        )
        yield wrong("folder", f"{name} is on another file system than the Maildir ({folder})", advice)
    elif reason := disk.refusal(cur):
        yield wrong(
            "folder", f"nothing can be put into {cur} ({reason})", "let the user of the daemon write there"
        )
    else:
        yield ok("folder", f"{name} is there")
