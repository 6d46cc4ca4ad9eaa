"""The most used peer: an environment of its own in, parsedmarc as contenders out, and what it stored counted.

It runs as it comes, in one process as ruamill does; `offline`, because neither looks anything up while it stores; and
told to empty the mailbox (batch_size 0), else it would stop after ten mails.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from configparser import RawConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from venv import EnvBuilder

import psycopg

from bench.contest import Contender
from bench.corpora import CORPORA, Corpus
from bench.databases import Engine, count_rows
from bench.mailboxes import Mailboxes

HOME = CORPORA / "parsedmarc-venv"
PROGRAM = HOME / "bin" / "parsedmarc"
REQUIREMENT = "parsedmarc[postgresql]"
TABLES = {
    "report": "dmarc_aggregate_report",
    "record": "dmarc_aggregate_record",
    "record_dkim": "dmarc_aggregate_record_dkim",
    "record_spf": "dmarc_aggregate_record_spf",
    "record_reason": "dmarc_aggregate_record_policy_override",
}
"""Ours and theirs."""


class NotInstalledError(Exception):
    """There is no parsedmarc here and none can be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Parsedmarc:
    """An installed parsedmarc, and the folder in which it is told what to do."""

    name: str
    """With its version."""
    work: Path

    def into_postgresql(self) -> Contender:
        """Read a folder of mails, write into PostgreSQL."""
        return Contender(
            self.name,
            lambda source, url: [*self._told(_into(url)), "--recursive", str(source.folder)],
            rows_in_postgresql,
        )

    def into_files(self) -> Contender:
        """Read a folder of mails, write JSON and CSV into a folder."""
        return Contender(
            self.name,
            lambda source, folder: [*self._told({}), "--output", folder, "--recursive", str(source.folder)],
            rows_in_files,
        )

    def from_mailbox(self, mailboxes: Mailboxes) -> Contender:
        """Read a mailbox over TLS, write into PostgreSQL."""
        return Contender(
            self.name,
            lambda source, url: self._told(_into(url) | _from(mailboxes, source)),
            rows_in_postgresql,
        )

    def _told(self, sections: Mapping[str, Mapping[str, object]]) -> list[str]:
        """Write its configuration, and give the command that reads it."""
        general = {"offline": True, "always_use_local_files": True, "save_aggregate": True, "silent": True}
        settings = RawConfigParser()
        settings.read_dict({"general": general | {"fail_on_output_error": True}, **sections})
        path = self.work / "parsedmarc.ini"
        with path.open("w", encoding="utf-8") as file:
            settings.write(file)
        return [str(PROGRAM), "--config-file", str(path)]


def _into(url: str) -> dict[str, Mapping[str, object]]:
    return {"postgresql": {"connection_string": url}}


def _from(mailboxes: Mailboxes, source: Corpus) -> dict[str, Mapping[str, object]]:
    server = mailboxes.server
    imap = {
        "host": server.host,
        "port": server.imaps_port,
        "ssl": True,
        "skip_certificate_verification": True,
        "user": mailboxes.filled(source),
        "password": server.password,
    }
    return {"imap": imap, "mailbox": {"watch": False, "batch_size": 0}}


def installed(work: Path) -> Parsedmarc:
    """Give parsedmarc, the newest that pip finds where there is none yet. Raises NotInstalledError."""
    if not PROGRAM.exists():
        print(f"installing {REQUIREMENT} into {HOME.name}", flush=True)
        EnvBuilder(with_pip=True, clear=True).create(HOME)
        _run(HOME / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT)
    return Parsedmarc(f"parsedmarc {_run(PROGRAM, '--version').strip()}", work)


def _run(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
        raise NotInstalledError(f"{program.name} {' '.join(arguments)}: {last}")
    return done.stdout


def files(folder: Path) -> Engine:
    """Give a new folder for each run."""

    @contextmanager
    def fresh() -> Iterator[str]:
        with TemporaryDirectory(dir=folder) as inner:
            yield inner

    return Engine("JSON and CSV", fresh)


def rows_in_postgresql(url: str) -> dict[str, int]:
    """Count the rows of its tables."""
    with psycopg.connect(url) as server:
        return {ours: count_rows(server, theirs) for ours, theirs in TABLES.items()}


def rows_in_files(folder: str) -> dict[str, int]:
    """Count what would be rows in its JSON."""
    reports = json.loads((Path(folder) / "aggregate.json").read_text(encoding="utf-8"))
    records = [record for report in reports for record in report["records"]]
    results = [record["auth_results"] for record in records]
    return {
        "report": len(reports),
        "record": len(records),
        "record_dkim": sum(len(each["dkim"]) for each in results),
        "record_spf": sum(len(each["spf"]) for each in results),
        "record_reason": sum(
            len(record["policy_evaluated"]["policy_override_reasons"]) for record in records
        ),
    }
