"""Everything there is to try, in the order in which one hangs on the other: settings in, sections of findings out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.doctor import configuration, daemon, database, imap, lookups, maildir, offline, smtp
from ingest.doctor.findings import Finding, to_the_end
from ingest.doctor.network import Network
from ingest.settings import AnyMailbox, ImapSettings, Settings


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that is looked at; each of its findings comes as soon as it is known."""

    name: str
    findings: Iterator[Finding]


def sections(settings: Settings, file: Path | None) -> Iterator[Section]:
    """Look at everything that these settings name; they were read from the file, if there is one."""
    network = Network()
    names = [box.name for box in settings.mailbox]
    yield Section("configuration", configuration.findings(settings, file))
    yield Section("database", to_the_end(database.findings(settings.database.get_secret_value(), names)))
    for box in settings.mailbox:
        yield Section(f"mailbox {box.name}", to_the_end(_mailbox(box, network)))
    if settings.smtp:
        yield Section("smtp", to_the_end(smtp.findings(settings.smtp, network)))
    yield Section("look-ups", offline.findings(settings))
    if settings.enrich.queries == "on":
        yield Section("DNS", lookups.name_servers(settings.enrich))
        yield Section("registries", lookups.registries(settings.enrich))
    yield Section("daemon", daemon.findings(settings.monitor))


def _mailbox(settings: AnyMailbox, network: Network) -> Iterator[Finding]:
    if isinstance(settings, ImapSettings):
        return imap.findings(settings, network)
    return maildir.findings(settings)
