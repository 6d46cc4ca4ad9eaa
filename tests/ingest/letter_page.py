"""The letter of one morning of the sample mailbox, as docs/letter.md shows it.

`python -m tests.ingest.letter_page --write` writes it anew into docs/letter/; without --write it prints it.
"""

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from fixtures.make_sample_mailbox import UNTIL, deliveries, write_maildir
from ingest import configuration
from ingest.letters.writing import judge
from store.database import Database
from store.figures import Window
from store.schema import failure_report, message, report, tls_report
from summary import letter
from summary.bulletin import Bulletin
from tests.ingest import sample

FOLDER: Final = Path(__file__).parents[2] / "docs" / "letter"
MORNING: Final = datetime(2026, 11, 12, 5, 30, tzinfo=UTC)
BERLIN: Final = ZoneInfo("Europe/Berlin")
DAY: Final = timedelta(days=1)


def bulletin(morning: datetime = MORNING) -> Bulletin:
    """Judge what came in on the day before a morning, each mail at the moment at which it was sent."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_maildir(folder / "build/demo/Maildir", [it for it in deliveries(UNTIL) if it.at < morning])
        sample.read(folder)
        settings = configuration.load(folder / "ruamill.toml")
        with closing(Database(f"sqlite:///{folder}/build/demo/ruamill.db")) as database:
            with database.writing() as connection:
                _date_back(connection)
            return judge(settings, database, Window(morning - DAY, morning), morning)


def _date_back(connection: Connection) -> None:
    """Let each mail have come when it was sent: its file's name begins with the moment."""
    for key, uid in connection.execute(select(message.c.id, message.c.uid)).all():
        came = datetime.fromtimestamp(int(uid.partition(".")[0]), UTC)
        moments = {"first_seen_at": came, "decided_at": came}
        connection.execute(update(message).where(message.c.id == key).values(moments))
        for table in (report, tls_report, failure_report):
            connection.execute(update(table).where(table.c.message_key == key).values(ingested_at=came))


def pages(found: Bulletin) -> dict[str, str]:
    """Give the documents of docs/letter by their names."""
    return {"sample.html": letter.html(found, BERLIN), "sample.txt": letter.text(found, BERLIN)}


def main() -> None:
    """Write the letter, or print it."""
    found = pages(bulletin())
    if "--write" in sys.argv[1:]:
        for name, content in found.items():
            (FOLDER / name).write_text(content, encoding="utf-8")
    else:
        print(found["sample.txt"])  # noqa: T201 (it was asked for)


if __name__ == "__main__":
    main()
