"""Bytes in any encoding become UTF-8 that begins with `<`, and what is odd about them is noted."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.deviations import Notes
from parsers.encoding import utf8
from tests.parsers.small_reports import chunked

WORDS = "<a>Prüfung: 日本 €</a>"


def decoded(content: bytes, size: int = 1 << 16) -> tuple[str, list[str]]:
    """Give the text, and the codes that were noted."""
    notes = Notes(100)
    text = codecs.getincrementaldecoder("utf-8")().decode(b"".join(utf8(chunked(content, size), notes)))
    return text, [deviation.code for deviation in notes.deviations()]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 16])
@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + WORDS.encode(),
        codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + WORDS.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + WORDS.encode("utf-32-be"),
    ],
    ids=["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"],
)
def test_a_byte_order_mark_tells_the_encoding_in_chunks_of_any_size(content: bytes, size: int) -> None:
    text, noted = decoded(content, size)
    assert text.lstrip("\ufeff") == WORDS
    assert noted == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_told_without_a_byte_order_mark(encoding: str) -> None:
    assert decoded(WORDS.encode(encoding)) == (WORDS, [])


def test_utf_16_may_contradict_its_declaration() -> None:
    text = '<?xml version="1.0" encoding="UTF-8"?>' + WORDS
    assert decoded(text.encode("utf-16")) == (text, [])


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("Shift_JIS", "shift_jis"), ("koi8-r", "koi8-r")],
)
def test_a_declared_encoding_is_believed(declared: str, encoding: str) -> None:
    word = {"shift_jis": "日本", "koi8-r": "Отчёт"}.get(encoding, "Prüfung")
    text = f"<?xml version='1.0' encoding='{declared}'?><a>{word}</a>"
    assert decoded(text.encode(encoding)) == (text, [])


def test_what_is_called_latin_1_is_windows_1252() -> None:
    declaration = "<?xml version='1.0' encoding='ISO-8859-1'?>"
    assert decoded((declaration + "<a>5 €</a>").encode("cp1252")) == (declaration + "<a>5 €</a>", [])


def test_utf_8_that_calls_itself_something_else_is_utf_8() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + WORDS
    assert decoded(text.encode()) == (text, ["encoding-misdeclared"])


def test_ascii_that_calls_itself_something_else_is_nothing_odd() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><a/>'
    assert decoded(text.encode()) == (text, [])


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-8"?>'])
def test_a_byte_that_is_no_utf_8_is_windows_1252(declaration: str) -> None:
    content = declaration.encode() + "<a>Prüfung 日本 ".encode() + b"M\xfcller</a>"
    assert decoded(content) == (declaration + "<a>Prüfung 日本 Müller</a>", ["undecodable-bytes"])


def test_a_byte_that_is_in_no_encoding_becomes_a_replacement_character() -> None:
    assert decoded(b"<a>\x81</a>") == ("<a>\ufffd</a>", ["undecodable-bytes"])


def test_a_sequence_broken_off_at_the_end_is_of_no_other_encoding() -> None:
    assert decoded("<a>Prüfung: 日".encode()[:-1]) == ("<a>Prüfung: ", [])


@pytest.mark.parametrize("name", ["x-nobody", "hex", "zip", "idna", "rot13"])
def test_an_encoding_that_is_none_is_read_as_utf_8(name: str) -> None:
    text = f'<?xml version="1.0" encoding="{name}"?>' + WORDS
    assert decoded(text.encode()) == (text, ["unknown-encoding"])


@pytest.mark.parametrize("size", [1, 1 << 16])
@pytest.mark.parametrize("blanks", [b"\n", b" \r\n\t", codecs.BOM_UTF8 + b"\n\n", b"\0\0", b" " * 200_000])
def test_blanks_before_the_declaration_are_skipped_and_noted(blanks: bytes, size: int) -> None:
    assert decoded(blanks + b"<?xml version='1.0'?><a/>", size) == (
        "<?xml version='1.0'?><a/>",
        ["before-declaration"],
    )


def test_blanks_within_and_after_are_kept() -> None:
    assert decoded(b"<a> \n </a>\n\n", size=1) == ("<a> \n </a>\n\n", [])


@pytest.mark.parametrize("content", [b"", b"\n\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_nothing_becomes_nothing(content: bytes) -> None:
    assert decoded(content)[0].lstrip("\ufeff") == ""


@given(
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    st.text(),
    st.integers(min_value=1, max_value=9),
)
@settings(derandomize=True, deadline=None)
def test_any_text_in_any_unicode_encoding_comes_out_as_it_was(encoding: str, words: str, size: int) -> None:
    text = f"<a>{words}</a>"
    written = text.encode(encoding, "replace")
    assert decoded(written, size)[0].lstrip("\ufeff") == text.encode("utf-8", "replace").decode("utf-8")


@given(st.binary(), st.integers(min_value=1, max_value=9))
@settings(derandomize=True, deadline=None)
def test_any_bytes_become_utf_8(content: bytes, size: int) -> None:
    decoded(content, size)
