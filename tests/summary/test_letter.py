"""The letter: bulletins in, HTML and plain text out that say the same, fit, and cannot be broken by what strangers write."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

import pytest
from lxml import html as lxml_html

from store.figures import Day
from store.outcomes import Outcome
from summary.bulletin import Bulletin
from summary.letter import html, text
from summary.letter.chart import HEIGHT, SEEN, Bar, chart
from summary.letter.domain import part
from summary.letter.page import fitting
from summary.letter.words import printable, share
from summary.verdicts import Cause, Verdict
from tests.summary import letters

BERLIN = ZoneInfo("Europe/Berlin")
GOLDEN = Path(__file__).parent / "golden"
NASTY = "</td></table><script>alert(1)</script>\"'&{{ 7 }}{% x %}\r\nBcc: all@example.org\t\x00\x1b[31m\u202egro.elpmaxe\u2066\u200b"

MORNINGS = {
    "telling": letters.TELLING,
    "well": letters.WELL,
    "silent": letters.SILENT,
    "strangers": letters.strangers(NASTY),
}
EVERY = MORNINGS | {"many": letters.of_many(300)}


def strings(value: Any) -> Iterator[str]:
    """Give every sentence in a value, however deep; the words of levels are not sentences."""
    if type(value) is str:
        yield value
    elif isinstance(value, tuple):
        for it in value:
            yield from strings(it)
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name))


def blanks(words: str) -> str:
    """Make every row of blanks one."""
    return " ".join(words.split())


def page(bulletin: Bulletin) -> Any:
    return lxml_html.document_fromstring(html(bulletin, BERLIN))


def bare(bulletin: Bulletin) -> str:
    """Give the page without its styles: how they are written is the inliner's business."""
    found = page(bulletin)
    for it in found.iter():
        it.attrib.pop("style", None)
    return str(lxml_html.tostring(found, encoding="unicode", doctype="<!DOCTYPE html>"))


def read(bulletin: Bulletin) -> str:
    """Give what a reader of the HTML sees, as one row of words."""
    body = page(bulletin).body
    for it in body.iter("p", "td", "th", "br", "li", "h1", "h2", "h3"):
        it.tail = f" {it.tail or ''}"
    return blanks(body.text_content())


@pytest.mark.parametrize("name", MORNINGS)
@pytest.mark.parametrize("kind", ["html", "txt"])
def test_the_letter_of_a_morning(name: str, kind: str) -> None:
    """A changed letter is looked at, and its file removed: the next run writes it anew, and fails once."""
    file = GOLDEN / f"letter-{name}.{kind}"
    made = bare(MORNINGS[name]) if kind == "html" else text(MORNINGS[name], BERLIN)
    if not file.exists():
        file.write_text(made, encoding="utf-8")
        pytest.fail(f"{file} is written: look at it")
    assert made == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EVERY)
def test_both_say_the_same(name: str) -> None:
    seen, plain = read(EVERY[name]), blanks(text(EVERY[name], BERLIN)).replace("`", "")
    sentences = [blanks(it).replace("`", "") for it in strings(fitting(EVERY[name], BERLIN)[0])]
    assert len(sentences) > 5
    assert [it for it in sentences if it not in seen] == []
    assert [it for it in sentences if it not in plain] == []


# --- the page


@pytest.mark.parametrize("name", EVERY)
def test_the_page_fetches_and_runs_nothing(name: str) -> None:
    found = page(EVERY[name])
    tags = {it.tag for it in found.iter() if isinstance(it.tag, str)}
    assert tags <= {
        *[
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "div",
            "h1",
            "h2",
            "h3",
            "p",
            "br",
            "ul",
            "li",
            "span",
            "bdi",
            "code",
            "table",
            "tbody",
            "tr",
            "th",
            "td",
        ]
    }
    attributes = {key for it in found.iter() for key in it.attrib}
    assert {
        key for key in attributes if key in {"src", "href", "background"} or key.startswith("on")
    } == set()
    styles = "".join([*found.xpath("//@style"), *found.xpath("//style/text()")])
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_encoding_is_named_where_programs_look_for_it() -> None:
    assert '<meta charset="utf-8">' in html(letters.WELL, BERLIN)[:1024]


@pytest.mark.parametrize("char", ["&", "<", '"', "\u202e", "\N{GRINNING FACE}", "W"])
def test_the_page_is_never_cut_off(char: str) -> None:
    assert len(html(letters.strangers(char * 3000), BERLIN).encode()) < 100_000


def test_what_does_not_fit_is_counted_and_named() -> None:
    bulletin = letters.of_many(300)
    assert len(html(bulletin, BERLIN).encode()) < 100_000
    plain = blanks(text(bulletin, BERLIN))
    rows, parts = (len(it) for it in (fitting(bulletin, BERLIN)[0].rows, fitting(bulletin, BERLIN)[0].parts))
    assert (
        f"{300 - rows} more domains not shown in this table ({300 - rows} all well): brand-{rows}.example.org"
        in plain
    )
    assert f"{30 - parts} more domains not shown in detail" in plain


def test_what_a_stranger_wrote_is_shown_as_such() -> None:
    bulletin = letters.strangers("<b>x</b>\u202e\n")
    assert "<b>x</b><U+202E><U+000A>" in read(bulletin)
    assert "<b>x</b><U+202E><U+000A>" in text(bulletin, BERLIN)


@pytest.mark.parametrize("kind", [html, text])
def test_nothing_steers_the_reader(kind: Callable[[Bulletin, ZoneInfo], str]) -> None:
    made = kind(letters.strangers(NASTY), BERLIN).replace("\n", "")
    assert {char for char in made if category(char) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}} == set()


# --- the text


@pytest.mark.parametrize("name", ["telling", "well", "silent", "many"])
def test_the_text_is_72_columns_wide(name: str) -> None:
    lines = text(EVERY[name], BERLIN).splitlines()
    assert [it for it in lines if len(it) > 72] == []
    assert [it for it in lines if it != it.rstrip()] == []


def test_a_name_stays_whole() -> None:
    domain = f"{'a' * 60}.{'b' * 30}.example"
    bulletin = replace(letters.WELL, domains=(letters.well(domain),))
    assert f"{domain}\n" in text(bulletin, BERLIN)


def test_moments_are_written_in_the_time_zone() -> None:
    assert "from 2026-11-14 06:30 to 2026-11-15 06:30 (Europe/Berlin)" in blanks(text(letters.WELL, BERLIN))
    assert "from 2026-11-14 05:30 to 2026-11-15 05:30 (UTC)" in blanks(text(letters.WELL, ZoneInfo("UTC")))


# --- what is said of a domain


def test_a_letter_of_many_leaves_out_what_is_well() -> None:
    few = replace(letters.TELLING, domains=letters.TELLING.domains[1:])
    assert [it.domain for it in fitting(few, BERLIN)[0].parts] == [
        "shop.example.net",
        "example.com",
        "example.net",
    ]
    shown = fitting(letters.TELLING, BERLIN)[0].parts
    assert [it.domain for it in shown] == ["example.org", "shop.example.net"]


def test_a_next_step_is_said_once() -> None:
    plain = blanks(text(letters.TELLING, BERLIN))
    assert plain.count("In Mimecast, compare the DKIM definition") == 1
    assert plain.count("Ask who of you uses Acme Mailings.") == 1


def test_two_sources_with_one_step_are_told_once() -> None:
    other = replace(letters.SCANNER, who="printer.example.org")
    news = replace(letters.EXAMPLE, lines=(letters.SCANNER, other))
    cards = part(news, cards=6, notes=6).cards
    assert [it.step for it in cards] == [letters.SCANNER.next_step, "As for scanner.example.org above."]


def test_a_stranger_whom_a_finding_names_is_shown() -> None:
    stranger = letters.line("Nobody", Verdict.UNKNOWN, 40, 40, cause=Cause.STRANGER)
    news = replace(letters.EXAMPLE, lines=(stranger,), findings=())
    assert part(news, cards=6, notes=6).cards == ()
    finding = replace(letters.FINDINGS[2], who="Nobody")
    (card,) = part(replace(news, findings=(finding,)), cards=6, notes=6).cards
    assert (card.who, card.step) == ("Nobody", "Nothing.")


def test_a_domain_without_reports_has_a_row() -> None:
    nothing = letters.figures(
        "example.org", 0, 0, reports=0, first_day=None, last_day=None, days=(), policy=None
    )
    bulletin = replace(
        letters.WELL, domains=(replace(letters.EXAMPLE, figures=nothing, lines=(), readiness=None),)
    )
    said = fitting(bulletin, BERLIN)[0]
    (row,) = said.rows
    assert (row.messages, row.rate, row.change, row.policy) == ("0", "-", None, "-")
    assert said.parts[0].period is None, "the sentence says it"
    assert said.parts[0].chart is None


def test_what_the_findings_name_is_shown_first() -> None:
    said = fitting(letters.TELLING, BERLIN)[0]
    assert [it.who for it in said.parts[0].cards] == ["Mimecast", "Acme Mailings", "scanner.example.org"]


def test_mails_that_are_not_named_are_counted() -> None:
    """The figures name 20 of them."""
    (one,) = letters.INTAKE.rejected
    outcomes = {Outcome.CORRUPT: 20, Outcome.REFUSED: 5, Outcome.PARTIAL: 3, Outcome.STORED: 7}
    intake = replace(letters.INTAKE, outcomes=outcomes, rejected=(one,) * 20)
    said = fitting(replace(letters.WELL, intake=intake), BERLIN)[0]
    assert len(said.rejected) == 10
    assert said.more_rejected == "and 18 more: `ruamill status` counts them."


def test_that_nobody_looked_is_said() -> None:
    for days, said in ((0.9, False), (1.1, True)):
        intake = replace(letters.INTAKE, looked_at=letters.NOW - timedelta(days=days))
        first = fitting(replace(letters.WELL, intake=intake, written_at=letters.NOW), BERLIN)[0].intake[0]
        assert first.startswith("No mailbox was looked at since 2026-11-1") is said


@pytest.mark.parametrize(
    ("reports", "late", "expected"),
    [
        (1, 0, "This is 1 report about 2026-11-13 to 2026-11-14 (UTC days); it is not late."),
        (1, 1, "(UTC days); it is late, about days that an earlier letter told of, and counted here once."),
        (2, 0, "These are 2 reports about 2026-11-13 to 2026-11-14 (UTC days); none of them is late."),
        (2, 1, "(UTC days); 1 of them is late, about days"),
    ],
)
def test_one_report_is_not_several(reports: int, late: int, expected: str) -> None:
    figures = letters.figures("example.org", 80, 80, reports=reports, late_reports=late)
    news = replace(letters.EXAMPLE, figures=figures)
    (_, said, _) = fitting(replace(letters.WELL, domains=(news,)), BERLIN)[0].period
    assert expected in said


# --- figures


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "-"), (0, 5, "0.0%"), (5, 5, "100.0%"), (9_999, 10_000, "99.9%"), (2, 3, "66.6%")],
)
def test_shares(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Jörg 東京 שלום", "Jörg 東京 שלום"),
        ("a\u00a0b", "a b"),
        ("\ud800", "<U+D800>"),
        ("\u200f", "<U+200F>"),
        ("a\u3164b", "a<U+3164>b"),
        ("e\u0301\u0323\u0302\u0304\u0305", "e\u0301\u0323\u0302<U+0304><U+0305>"),
    ],
)
def test_printable(words: str, shown: str) -> None:
    assert printable(words) == shown


# --- the picture


def test_a_day_without_a_report_has_no_bar() -> None:
    drawn = chart([Day(letters.FIRST, 80, 60), Day(letters.LAST, 20, 20)])
    assert drawn is not None
    assert drawn.bars[:28] == (Bar(0, 0),) * 28
    assert drawn.bars[28:] == (Bar(48, 16), Bar(16, 0))
    assert drawn.words == (
        "30 days to 2026-11-14: 100 messages, 80.0% passing; the most on 2026-11-13 (80); "
        "the lowest pass rate on 2026-11-13 (75.0%: 20 of 80 fail); no mail reported on 28 days."
    )


def test_a_single_message_shows() -> None:
    drawn = chart([Day(letters.LAST, 1_000_000, 999_999)])
    assert drawn is not None
    assert drawn.bars[-1] == Bar(HEIGHT, SEEN)


def test_nothing_is_drawn_of_nothing() -> None:
    assert chart([]) is None
    assert chart([Day(letters.LAST, 0, 0)]) is None


def test_the_picture_is_told_to_those_who_do_not_see_it() -> None:
    found = page(letters.WELL)
    (picture,) = found.xpath('//table[@role="img"]')
    assert picture.get("aria-label").startswith("30 days to 2026-11-14: ")
