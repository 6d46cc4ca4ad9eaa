"""The folders of a mailbox: its settings and what LIST says in, the names of those to be read out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from imapclient import IMAPClient

from ingest.mailboxes import Destination
from ingest.settings import ImapSettings

NO_MESSAGES = frozenset({rb"\noselect", rb"\nonexistent"})
"""Attributes of a name that cannot be opened (RFC 9051 7.3.1)."""

NOT_BELOW = frozenset({rb"\all", rb"\drafts", rb"\flagged", rb"\important", rb"\junk", rb"\sent", rb"\trash"})
"""Attributes of folders (RFC 6154 2, RFC 8457 3) that are read where they are named, and not as somebody's subfolder:
what was thrown away would come back, and Gmail's All Mail has every message a second time."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One name that LIST gives: its attributes in lower case, and what divides it from names below it."""

    name: str
    attributes: frozenset[bytes]
    delimiter: str

    @property
    def has_messages(self) -> bool:
        """Whether it can be opened."""
        return not self.attributes & NO_MESSAGES

    def is_called(self, name: str) -> bool:
        """Tell whether it is the folder of that name."""
        return self._canonical(self.name) == self._canonical(name)

    def is_below(self, name: str) -> bool:
        """Tell whether it lies below the folder of that name."""
        return bool(self.delimiter) and self._canonical(self.name).startswith(
            self._canonical(name) + self.delimiter
        )

    def _canonical(self, name: str) -> str:
        """INBOX is the same in any case (RFC 9051 5.1), other names are not."""
        first, delimiter, rest = name.partition(self.delimiter or "/")
        return f"INBOX{delimiter}{rest}" if first.upper() == "INBOX" else name


def listed(client: IMAPClient, pattern: str = "*") -> list[Folder]:
    """Ask for the folders whose names fit; a name with a wildcard in it fits itself, and others too."""
    return [
        Folder(name, frozenset(flag.lower() for flag in flags), (delimiter or b"").decode())
        for flags, delimiter, name in client.list_folders("", pattern)
    ]


def openable(client: IMAPClient, pattern: str = "*") -> list[str]:
    """Name those that can hold messages."""
    return [folder.name for folder in listed(client, pattern) if folder.has_messages]


def to_be_read(settings: ImapSettings, existing: Sequence[Folder]) -> list[str]:
    """Name the configured folders, each with those below it; one that is missing is named too, for its error.

    What messages are moved to is left out, with all below it.
    """
    names = (name for folder in settings.folders for name in _family(settings, folder, existing))
    return list(dict.fromkeys(names))


def _family(settings: ImapSettings, folder: str, existing: Sequence[Folder]) -> Iterator[str]:
    if all(each.has_messages for each in existing if each.is_called(folder)):
        yield folder
    for each in sorted(existing, key=attrgetter("name")):
        if each.is_below(folder) and _is_read_below(settings, each):
            yield each.name


def _is_read_below(settings: ImapSettings, folder: Folder) -> bool:
    targets = (settings.folder_for(destination) for destination in Destination)
    moved_to = any(folder.is_called(target) or folder.is_below(target) for target in targets)
    return folder.has_messages and not folder.attributes & NOT_BELOW and not moved_to
