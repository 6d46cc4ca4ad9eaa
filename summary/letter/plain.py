"""What a letter says in, plain text of 72 columns out: laid out for reading, and for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Final

from summary.letter.chart import Chart
from summary.letter.domain import Card, Note, Part
from summary.letter.parts import HEADS, NONE, READING, TABLE, Letter, Row, called

WIDTH: Final = 72
BLOCKS: Final = " ▁▂▃▄▅▆▇█"
COLUMNS: Final = (24, 11, 8, 7)
"""Of the table: domain, messages, passing, change; policy and verdict follow."""


def write(letter: Letter) -> str:
    """Lay it out."""
    return "\n".join(_lines(letter)).strip() + "\n"


def _lines(letter: Letter) -> Iterator[str]:
    yield from _title(letter.subject, "=")
    yield from _notes(letter.notes)
    if letter.rows:
        yield from _table(letter.rows)
        yield from _paragraph(letter.more_rows)
        yield from _paragraph(TABLE)
    for part in letter.parts:
        yield from _part(part)
    yield from _paragraph(letter.more_parts)
    yield from _title("How the reports came in", "-")
    yield from _notes(letter.intake_notes)
    yield from _paragraphs(letter.intake)
    for line in letter.rejected:
        yield from _wrapped(line, "* ", "  ")
    yield from _paragraph(letter.more_rejected)
    yield from _title("About this letter", "-")
    yield from _paragraphs(letter.period)
    yield from _wrapped(READING)


def _part(part: Part) -> Iterator[str]:
    yield from _title(f"{part.domain}: {called(part.level)}", "-")
    yield from _paragraph(part.sentence)
    yield from _paragraph(part.period)
    if part.notes:
        yield from _heading("Findings")
        yield from _notes(part.notes)
        yield from _paragraph(part.more_notes)
    if part.cards:
        yield from _heading("Sources that need you")
        for card in part.cards:
            yield from _card(card)
    if part.chart:
        yield from _heading("The last 30 days")
        yield from _picture(part.chart)
    if part.others:
        yield from _heading("Other sources" if part.cards else "Sources")
        yield from _paragraphs(part.others)
    if part.readiness:
        yield from _heading("Ready for a stricter policy?")
        yield from _paragraphs(part.readiness)


# --- the table over all domains


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield from _row(HEADS)
    for row in rows:
        yield from _row(
            (row.domain, row.messages, row.rate, row.change or NONE, row.policy, called(row.level))
        )
    yield ""


def _row(cells: Sequence[str]) -> Iterator[str]:
    """Write a domain too long for its column on a line of its own."""
    name, *widths = COLUMNS
    domain, *figures, policy, verdict = cells
    if len(domain) > name:
        yield domain
        domain = ""
    numbers = "".join(it.rjust(width) for it, width in zip(figures, widths, strict=True))
    yield f"{domain:{name}}{numbers}  {policy:10}  {verdict}"


# --- a domain


def _notes(notes: Iterable[Note]) -> Iterator[str]:
    for note in notes:
        yield from _wrapped(note.sentence, "* ", "  ")
        if note.step:
            yield from _labelled("Next", note.step)
        yield ""


def _card(card: Card) -> Iterator[str]:
    yield from _wrapped(f"{card.who} ({card.verdict})", "# ", "  ")
    yield from _wrapped(card.figures, "  ", "  ")
    yield from _labelled("Why", card.reason)
    yield from _labelled("Next", card.step)
    yield from _labelled("Machines", card.machines)
    yield from _labelled("Seen", card.seen)
    for line in card.evidence:
        yield from _wrapped(line, "  | ", "  |   ")
    yield ""


def _picture(chart: Chart) -> Iterator[str]:
    highest = max(it.passing + it.failing for it in chart.bars)
    yield f"  passing  {''.join(_block(it.passing, highest) for it in chart.bars)}".rstrip()
    yield f"  failing  {''.join(_block(it.failing, highest) for it in chart.bars)}".rstrip()
    yield f"           {chart.first_day}          {chart.last_day}"
    yield ""
    yield from _paragraph(chart.words)


def _block(part: int, highest: int) -> str:
    return BLOCKS[-(-part * (len(BLOCKS) - 1) // highest)]


# --- paragraphs


def _title(words: str, line: str) -> Iterator[str]:
    yield ""
    yield from _wrapped(words)
    yield line * WIDTH
    yield ""


def _heading(words: str) -> Iterator[str]:
    yield f"{words.upper()}"
    yield ""


def _paragraph(words: str | None) -> Iterator[str]:
    if words:
        yield from _wrapped(words)
        yield ""


def _paragraphs(every: Iterable[str]) -> Iterator[str]:
    for words in every:
        yield from _paragraph(words)


def _labelled(label: str, words: str) -> Iterator[str]:
    yield from _wrapped(f"{label}: {words}", "  ", "    ")


def _wrapped(words: str, first: str = "", later: str = "") -> list[str]:
    """Break between words alone: names and addresses can be copied whole."""
    return wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
