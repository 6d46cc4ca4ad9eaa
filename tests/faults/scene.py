"""A person's mailbox with reports among other mail, an empty database, and the one statement that every fault ends with.

Whatever happened: each report is stored once, each of its mails lies in one folder, and nobody else's mail was touched.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count, cycle
from threading import Event

from imapclient import ANSWERED, DELETED, FLAGGED, SEEN, IMAPClient

from ingest.database import open_database
from ingest.mailboxes import MailboxUnavailableError
from ingest.settings import ImapSettings, Settings
from ingest.tally import Tally
from ingest.visit import visit
from store.database import DatabaseUnavailableError
from tests.ingest.mailbox_kit import (
    Post,
    account,
    again,
    check_database,
    corrupt_mail,
    half_good_mail,
    mail_of_two,
    notice_mail,
    ordinary_mail,
    report_mail,
    tls_mail,
)
from tests.servers.dovecot import DovecotServer
from tests.servers.relay import Relay

PRIVATE = "Private"
"""A folder that is none of ours."""
KEPT = (ordinary_mail(99_901), report_mail(99_902))
"""What the person keeps there; the report is none to be stored."""
KEPT_FLAGS = [SEEN, b"$Kept"]
LUNCH_FLAGS = ([SEEN], [FLAGGED, b"$Lunch"], [ANSWERED, SEEN])
"""How ordinary mail is flagged, one mail like this and the next like that."""
THROWN_AWAY = ordinary_mail(99_900)
r"""A mail in INBOX that the person flagged as \Deleted, and may want back: whoever expunges it has lost it."""
OURS = {"Processed", "Failed", "Ignored"}
ARCHIVE = "Archive/"
"""Our folders may be below this one."""

Mails = Counter[tuple[str, str, frozenset[bytes]]]
"""Folder, Message-ID and flags."""

users = (f"fault-{number}" for number in count(1))


def some_mails(first: int = 1) -> list[Post]:
    """Give mails of every kind, numbered from `first` on; eight bring reports."""
    reports = [*map(report_mail, range(first, first + 6)), mail_of_two(first + 6), half_good_mail(first + 7)]
    others = [corrupt_mail(first + 8), notice_mail(first + 9), tls_mail(first + 10), again(reports[0])]
    return [*reports, *others, *map(ordinary_mail, range(first + 11, first + 14))]


class Scene:
    """One user's mail on a server, and what of it is to be stored where."""

    def __init__(self, server: DovecotServer, url: str, posts: Sequence[Post] | None = None) -> None:
        self.server = server
        self.url = url
        self.user = next(users)
        self.posts: list[Post] = []
        self._others: Mails = Counter()
        server.deliver(self.user, [THROWN_AWAY.content])
        with server.connect(self.user) as client:
            client.create_folder(PRIVATE)
            for post in KEPT:
                client.append(PRIVATE, post.content, flags=KEPT_FLAGS)
        self._flag({THROWN_AWAY: [DELETED]})
        self._others += Counter((PRIVATE, post.message_id, frozenset(KEPT_FLAGS)) for post in KEPT)
        self.deliver(*(some_mails() if posts is None else posts))

    def deliver(self, *posts: Post) -> None:
        """Let mails come in; the person reads ordinary ones, and flags them."""
        self.posts += posts
        self.server.deliver(self.user, [post.content for post in posts])
        lunches = [post for post in posts if post.folder == "INBOX"]
        self._flag(dict(zip(lunches, cycle(LUNCH_FLAGS), strict=False)))

    def _flag(self, mails: Mapping[Post, list[bytes]]) -> None:
        """Let the person flag mails in INBOX, which must lie there so to the end."""
        with self.inbox() as client:
            for post, flags in mails.items():
                client.add_flags(_find(client, [post]), flags)
                self._others["INBOX", post.message_id, frozenset(flags)] += 1

    @contextmanager
    def inbox(self) -> Iterator[IMAPClient]:
        """Open INBOX as its owner does."""
        with self.server.connect(self.user) as client:
            client.select_folder("INBOX")
            yield client

    def expunge(self, *posts: Post) -> None:
        """Let the person remove mails from INBOX."""
        with self.inbox() as client:
            uids = _find(client, posts)
            client.delete_messages(uids, silent=True)
            client.uid_expunge(uids)
        names = {("INBOX", post.message_id) for post in posts}
        self._others = Counter(
            {mail: number for mail, number in self._others.items() if mail[:2] not in names}
        )

    def file(self, post: Post) -> None:
        """Let the person put a mail into a folder of his own."""
        with self.inbox() as client:
            client.move(_find(client, [post]), PRIVATE)
        self._others[PRIVATE, post.message_id, frozenset()] += 1

    def renumber(self) -> None:
        """Let the server lose its UIDs: the mails of INBOX get new ones, and UIDVALIDITY is another (RFC 9051 2.3.1.1)."""
        maildir = self.server.directory / "mail" / self.user / "Maildir"
        for file in (maildir / "dovecot-uidlist", *maildir.glob("dovecot.index*")):
            file.unlink()

    def account(self, relay: Relay | None = None, **changes: object) -> Mapping[str, object]:
        """Give the settings of the mailbox, of the server itself or over a relay in front of its plain port."""
        way: dict[str, object] = {"tls": "none", "port": relay.port} if relay else {}
        return account(self.server, self.user, **{**way, **changes})

    def settings(self, relay: Relay | None = None, **changes: object) -> ImapSettings:
        """Give the same as a value."""
        return ImapSettings.model_validate(self.account(relay, **changes))

    def poll(self, box: ImapSettings | None = None) -> Counter[str]:
        """Poll once, straight to the server unless told otherwise; the number of messages of each outcome."""
        tally = Tally()
        settings = Settings.model_validate({"database": self.url})
        with closing(open_database(settings)) as database:
            visit(box or self.settings(), settings, database, tally, Event())
        return Counter({outcome.value: number for outcome, number in tally.outcomes.items()})

    def survive(self, box: ImapSettings | None = None) -> str:
        """Poll once while something is wrong; give the complaint, which must be of an outage that may pass."""
        try:
            self.poll(box)
        except MailboxUnavailableError as error:
            if not error.temporary:
                raise
            return str(error)
        except DatabaseUnavailableError as error:
            return str(error)
        return ""

    def recover(self, box: ImapSettings | None = None, *, doubles: bool = False) -> None:
        """Poll once in peace, and find everything as it must be."""
        self.poll(box)
        self.check(doubles=doubles)

    def is_done(self) -> bool:
        """Tell whether nothing is left to be moved."""
        moving = {("INBOX", post.message_id) for post in self.posts if post.folder in OURS}
        return not any(mail[:2] in moving and DELETED not in mail[2] for mail in self._mails())

    def check(
        self, *, gone: Collection[Post] = (), read_again: Collection[Post] = (), doubles: bool = False
    ) -> None:
        """State that nothing was lost, doubled or touched.

        `gone` are mails that somebody took after they were stored, `read_again` those that came a second time under
        another UID. `doubles`: a folder may hold a mail twice, where the server has no MOVE.
        """
        self.check_database(read_again)
        mails = self._mails()
        assert self._of_others(mails) == self._others
        found = Counter((folder, name) for folder, name, flags in mails.elements() if DELETED not in flags)
        expected = self._expected(gone)
        if doubles:
            found = Counter(
                {place: min(number, expected[place] or number) for place, number in found.items()}
            )
        assert found == expected

    def check_database(self, read_again: Collection[Post] = ()) -> None:
        """State that every report is stored once, whatever became of the mails."""
        twice = [
            again(post) if post.outcome == "stored" else replace(post, reports=()) for post in read_again
        ]
        check_database(self.url, [*self.posts, *twice])

    def _expected(self, gone: Collection[Post]) -> Counter[tuple[str, str]]:
        there = Counter(
            (folder, name) for folder, name, flags in self._others.elements() if DELETED not in flags
        )
        ours = Counter((post.folder, post.message_id) for post in self.posts if post.folder in OURS)
        return there + ours - Counter((post.folder, post.message_id) for post in gone)

    def _mails(self) -> Mails:
        found: Mails = Counter()
        with self.server.connect(self.user) as client:
            for folder in [name for flags, _, name in client.list_folders() if rb"\Noselect" not in flags]:
                client.select_folder(folder, readonly=True)
                for answer in client.fetch(client.search(), ["ENVELOPE", "FLAGS"]).values():
                    flags = frozenset(answer[b"FLAGS"]) - {rb"\Recent"}
                    found[folder.removeprefix(ARCHIVE), answer[b"ENVELOPE"].message_id.decode(), flags] += 1
        return found

    def _of_others(self, mails: Mails) -> Mails:
        """Leave out those that are ours to move."""
        ours = {post.message_id for post in self.posts if post.folder in OURS}
        places = {(folder, name) for folder in (*OURS, "INBOX") for name in ours}
        return Counter({mail: number for mail, number in mails.items() if mail[:2] not in places})


def _find(client: IMAPClient, posts: Collection[Post]) -> list[int]:
    """Find the UIDs of mails in the open folder."""
    names = {post.message_id for post in posts}
    found = client.fetch(client.search(), ["ENVELOPE"])
    return [uid for uid, answer in found.items() if answer[b"ENVELOPE"].message_id.decode() in names]
