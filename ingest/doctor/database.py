"""The database: its URL in, findings out. Nothing is left in it; a SQLite file that is missing is not made."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ingest.doctor import disk
from ingest.doctor.findings import DeadEndError, Finding, note, ok, warning, wrong
from ingest.doctor.network import within
from store.condition import Condition, look, try_writing
from store.database import Database, DatabaseUnavailableError, DatabaseUrlError
from store.locks import lock, lock_file
from store.migrate import HEAD

SECONDS = 15.0
"""How long the database may take for one step: it is tried at each of its addresses."""

OLDEST = 12
"""Major version of PostgreSQL that is not too old."""

REFUSED = (
    (
        r"password authentication failed",
        "check user and password in the URL; in a password write %40 for @, %25 for %",
    ),
    (r"no password supplied", "put the password into the URL (RUAMILL_DATABASE_FILE names a file with it)"),
    (
        r"no pg_hba.conf entry",
        "let this machine in by a line in the server's pg_hba.conf, and reload the server",
    ),
    (r'role ".*" does not exist', "make the role: CREATE ROLE name LOGIN PASSWORD '…'"),
    (r'database ".*" does not exist', "make the database: CREATE DATABASE name OWNER user ENCODING 'UTF8'"),
    (r"permission denied for database", "let the user in: GRANT CONNECT ON DATABASE name TO user"),
    (r"resolve host|translate host", "check the host in the URL"),
    (r"refused", "check host and port in the URL; PostgreSQL must run, and listen there (listen_addresses)"),
    (r"timeout|timed out", "check host and port in the URL, and the firewalls on the way"),
    (
        r"SSL|certificate",
        "check sslmode in the URL (?sslmode=require and the like) against what the server offers",
    ),
    (r"too many", "raise max_connections of the server, or end what holds its connections"),
    (
        r"startup parameter",
        "name PostgreSQL's own port: a pooler such as PgBouncer keeps no sessions and no locks",
    ),
    (
        r"permission denied for (schema|table)",
        "let the user own them: ALTER DATABASE name OWNER TO user, and its tables",
    ),
    (r"must be owner", "let the user own the tables: ALTER TABLE name OWNER TO user"),
    (
        r"locked|lock timeout|statement timeout",
        "another process writes for long: try again, and look what it is",
    ),
    (r"read-?only", "let the user of the daemon write to the file and its folder"),
    (r"unable to open", "let the user of the daemon read and write the file and its folder"),
    (r"disk is full|No space", "make room on its disk"),
    (r"malformed|not a database", "restore it from a backup"),
)
"""What stands in a refusal, and the next step; the first that fits counts."""

Result = TypeVar("Result")


def findings(url: str, mailboxes: Sequence[str]) -> Iterator[Finding]:
    """Look at the database, and which of the mailboxes a ruamill works on now. Raises DeadEndError."""
    try:
        database = Database(url)
    except DatabaseUrlError as error:
        raise DeadEndError(wrong("url", str(error), "mend `database` in the configuration")) from None
    try:
        if database.file is not None:
            yield from _place(database.file)
            if not database.file.exists():
                place = database.file.absolute()
                yield note(
                    "file", f"{place} is not there yet: the first command that stores something makes it"
                )
                return
        condition = _asked("connection", lambda: look(database))
        yield ok("connection", f"{database.name}: {condition.engine}")
        yield from _judge(condition)
        _asked("writing", lambda: try_writing(database, condition))
        yield ok("writing", "this user may write to it")
        yield from _at_work(database, mailboxes)
    finally:
        database.close()


def _place(file: Path) -> Iterator[Finding]:
    """Look at the folder of SQLite's file: two more are made there while it is used."""
    folder = file.absolute().parent
    if reason := disk.refusal(folder):
        advice = f"let the user of the daemon write there: chown ruamill {folder}"
        raise DeadEndError(wrong("folder", f"no file can be made in {folder} ({reason})", advice))
    if kind := disk.network_file_system(folder):
        text = f"{folder} is on a network file system ({kind}), where SQLite may lose data"
        yield warning("folder", text, "put the file on a disk of this machine, or use PostgreSQL")
    if finding := disk.room(folder):
        yield finding


def _asked(check: str, act: Callable[[], Result]) -> Result:
    try:
        return within(SECONDS, act)
    except (DatabaseUnavailableError, DatabaseUrlError, TimeoutError) as error:
        text = str(error) or f"no answer within {SECONDS:.0f} s: timeout"
        fitting = (advice for pattern, advice in REFUSED if re.search(pattern, text))
        advice = next(fitting, "look into the log of the database server")
        raise DeadEndError(wrong(check, text, advice)) from None


def _judge(condition: Condition) -> Iterator[Finding]:
    if condition.engine.startswith("PostgreSQL") and condition.major < OLDEST:
        yield wrong("version", f"{condition.engine} is too old", f"use PostgreSQL {OLDEST} or newer")
    if condition.encoding != "UTF8":
        advice = "make another: CREATE DATABASE name OWNER user ENCODING 'UTF8' TEMPLATE template0"
        yield wrong(
            "encoding", f"it keeps text in {condition.encoding}, which does not hold every name", advice
        )
    yield _schema(condition.schema)
    if condition.read_only:
        advice = "name the primary server in the URL, not a standby; or lift default_transaction_read_only"
        raise DeadEndError(wrong("writing", "it takes nothing: it is read-only", advice))


def _schema(schema: str | None) -> Finding:
    if schema is None:
        return note("schema", "there are no tables yet: the first start makes them")
    if schema < HEAD:
        text = f"{schema} is older than this ruamill's {HEAD}"
        return note(
            "schema", text, "make a backup; the next start, or `ruamill db upgrade`, brings it up to date"
        )
    if schema > HEAD:
        text = f"{schema} is newer than this ruamill's {HEAD}"
        raise DeadEndError(
            wrong("schema", text, "install the newer ruamill that made it, or name another database")
        )
    return ok("schema", f"{schema}, as this ruamill wants it")


def _at_work(database: Database, mailboxes: Sequence[str]) -> Iterator[Finding]:
    """Tell on which mailboxes a ruamill works. Where SQLite has no file to lock yet, none does; none is made."""
    for name in mailboxes:
        if database.file is not None and not lock_file(database.file, name).exists():
            continue
        if _asked("lock", partial(_is_held, database, name)):
            yield note("lock", f"a ruamill is at work on the mailbox {name}: your daemon, if you started it")


def _is_held(database: Database, name: str) -> bool:
    with lock(database, name) as held:
        return held is None
