"""Paths become messages: files, mboxes, Maildirs, and folders of all these; nothing is moved, nothing is passed over."""

import os
from pathlib import Path

import pytest

from ingest.files import arrivals, find
from ingest.reading import Arrival
from parsers.limits import DEFAULT_LIMITS, Limits
from store.ledger import Place, Sighting

MAILS = (b"Subject: 1\n\nHello\n", b"Subject: 2\n\n>From here it goes on.\n")
MBOX = b"From a@example.org Sun Nov  1 00:00:00 2026\n%s\nFrom b@example.org Sun Nov  1 00:00:01 2026\n%s\n"


def put(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(MAILS[0])


def found(folder: Path, *paths: str) -> list[str]:
    return [str(file.relative_to(folder)) for file in find([folder / path for path in paths or ("",)])]


def taken(path: Path, limits: Limits = DEFAULT_LIMITS) -> list[Arrival]:
    return list(arrivals(path, limits))


# -- which files


def test_folders_are_gone_through_in_order(tmp_path: Path) -> None:
    put(tmp_path / "b.xml", tmp_path / "a" / "2.zip", tmp_path / "a" / "1.gz", tmp_path / "c" / "d" / "e")
    assert found(tmp_path) == ["a/1.gz", "a/2.zip", "b.xml", "c/d/e"]


def test_paths_are_taken_in_the_order_they_are_given(tmp_path: Path) -> None:
    put(tmp_path / "a.xml", tmp_path / "b" / "1.xml", tmp_path / "b" / "2.xml")
    assert found(tmp_path, "b", "a.xml", "b/1.xml") == ["b/1.xml", "b/2.xml", "a.xml", "b/1.xml"]


def test_of_a_maildir_only_what_is_delivered_is_taken(tmp_path: Path) -> None:
    box = tmp_path / "mail"
    put(box / "tmp" / "1", box / "new" / "2", box / "cur" / "3:2,S", box / ".Processed" / "cur" / "4:2,S")
    (box / "maildirfolder").touch()
    assert found(tmp_path) == ["mail/new/2", "mail/cur/3:2,S"]


def test_hidden_files_are_taken_only_by_their_names(tmp_path: Path) -> None:
    put(tmp_path / ".hidden.xml", tmp_path / ".git" / "x", tmp_path / "a.xml")
    assert found(tmp_path) == ["a.xml"]
    assert found(tmp_path, ".hidden.xml") == [".hidden.xml"]


def test_a_pipe_in_a_folder_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path) == []


# -- what is in them


def test_a_file_is_one_message_known_by_its_folder_and_name(tmp_path: Path) -> None:
    put(tmp_path / "1.eml")
    sighting = Sighting(Place("file", str(tmp_path)), "1.eml")
    assert taken(tmp_path / "1.eml") == [Arrival(sighting, MAILS[0], len(MAILS[0]))]


def test_a_file_is_known_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a" / "1.eml")
    monkeypatch.chdir(tmp_path / "a")
    assert taken(Path("1.eml")) == taken(tmp_path / "a" / "1.eml")


def test_a_file_is_known_again_by_another_path_to_it(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.eml")
    (tmp_path / "b").symlink_to("a")
    assert taken(tmp_path / "b" / "1.eml") == taken(tmp_path / "a" / ".." / "a" / "1.eml")


def test_a_name_that_is_no_text_is_written_as_some(tmp_path: Path) -> None:
    name = b"r\xe9port.xml".decode(errors="surrogateescape")
    put(tmp_path / name)
    (arrival,) = taken(tmp_path / name)
    assert arrival.sighting.uid == r"r\xe9port.xml"


def test_an_mbox_is_one_message_for_each_mail(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(MBOX % MAILS)
    first, second = taken(tmp_path / "box")
    assert [first.sighting.uid, second.sighting.uid] == ["box#0", "box#1"]
    assert (first.raw.strip(), second.raw.strip()) == (MAILS[0].strip(), MAILS[1].strip())
    assert {path.name for path in tmp_path.iterdir()} == {"box"}


def test_an_empty_file_is_a_message_too(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert [(arrival.raw, arrival.size) for arrival in taken(tmp_path / "empty")] == [(b"", 0)]


def test_what_is_over_the_limit_is_not_held_in_memory(tmp_path: Path) -> None:
    put(tmp_path / "1.eml")
    (tmp_path / "box").write_bytes(MBOX % MAILS)
    limits = Limits(mail_bytes=5)
    found = taken(tmp_path / "1.eml", limits) + taken(tmp_path / "box", limits)
    assert [arrival.raw for arrival in found] == [b""] * 3
    assert {str(arrival.refused).partition(" ")[2] for arrival in found} == {
        "bytes; at most 5 are read (limit mail_bytes)"
    }
    assert found[0].size == len(MAILS[0])


def test_what_is_as_large_as_the_limit_is_read(tmp_path: Path) -> None:
    put(tmp_path / "1.eml")
    (arrival,) = taken(tmp_path / "1.eml", Limits(mail_bytes=len(MAILS[0])))
    assert arrival.raw == MAILS[0]


def test_a_file_that_cannot_be_read_is_a_message_for_another_try(tmp_path: Path) -> None:
    (tmp_path / "1.eml").symlink_to("/proc/self/mem")  # not even root can read its first byte
    (arrival,) = taken(tmp_path / "1.eml")
    assert (arrival.raw, arrival.problem) == (b"", "cannot be read: Input/output error")


def test_a_file_that_is_gone_is_a_message_for_another_try(tmp_path: Path) -> None:
    (arrival,) = taken(tmp_path / "1.eml")
    assert arrival.problem == "cannot be read: No such file or directory"
