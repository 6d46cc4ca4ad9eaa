"""What the ledger and the folders' states remember between two polls."""

from datetime import timedelta

from store.database import Database
from store.ledger import UIDS_PER_QUERY, Place, known
from store.mailboxes import last_uid, note_failure, note_poll
from store.outcomes import Outcome
from store.writer import write
from tests.store.kit import INBOX, NOW, feedback, incoming, rows

RENEWED = Place(INBOX.source, INBOX.folder, INBOX.uidvalidity + 1)


def test_messages_are_known_again_however_many_are_asked_for(database: Database) -> None:
    number = UIDS_PER_QUERY + 10
    write(database, [incoming(b"Subject: Hello\n\nyou\n", str(uid)) for uid in range(number)], NOW)
    with database.reading() as connection:
        found = known(connection, INBOX, [str(uid) for uid in range(2 * number)])
    assert {uid for uid, _ in found} == {str(uid) for uid in range(number)}
    assert {entry.outcome for entry in found.values()} == {Outcome.NOT_A_REPORT}


def test_a_uid_means_a_message_of_its_own_folder_alone(database: Database) -> None:
    write(database, [incoming(feedback())], NOW)
    others = [RENEWED, Place("box", "Archive", 7), Place("other", "INBOX", 7)]
    with database.reading() as connection:
        assert len(known(connection, INBOX, ["1"])) == 1
        assert [known(connection, place, ["1"]) for place in others] == [{}, {}, {}]


def test_a_folder_is_read_on_from_where_the_last_poll_ended(database: Database) -> None:
    with database.writing() as connection:
        assert last_uid(connection, INBOX) == 0
        note_poll(connection, INBOX, 41, NOW)
        note_poll(connection, INBOX, 42, NOW)
        assert last_uid(connection, INBOX) == 42


def test_a_new_uidvalidity_begins_anew(database: Database) -> None:
    with database.writing() as connection:
        note_poll(connection, INBOX, 42, NOW)
        assert last_uid(connection, RENEWED) == 0
        note_poll(connection, RENEWED, 3, NOW)
        assert (last_uid(connection, INBOX), last_uid(connection, RENEWED)) == (0, 3)


def test_what_stopped_a_poll_is_noted_until_one_goes_through(database: Database) -> None:
    errors = "SELECT last_error, last_uid FROM mailbox_state"
    with database.writing() as connection:
        note_failure(connection, INBOX, "connection refused", NOW)
    assert rows(database, errors) == [("connection refused", 0)]
    with database.writing() as connection:
        note_poll(connection, INBOX, 42, NOW)
        note_failure(connection, INBOX, "login refused", NOW + timedelta(hours=1))
        assert last_uid(connection, INBOX) == 42
    assert rows(database, errors) == [("login refused", 42)]
    with database.writing() as connection:
        note_poll(connection, INBOX, 42, NOW)
    assert rows(database, errors) == [(None, 42)]
