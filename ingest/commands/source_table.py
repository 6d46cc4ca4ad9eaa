"""A domain's sources on a terminal: figures, why, and what to do; beneath the figures, or beside them where it is wide."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ingest import prose
from ingest.show import printable
from summary.sources import Share, SourceLine
from summary.verdicts import Cause, Verdict
from summary.words import COLLAPSED, VERDICTS, counted

STYLES: Final = {
    Verdict.FAILING_OWN: "bold red",
    Verdict.FRAGILE: "yellow",
    Verdict.BOUNCES: "yellow",
    Verdict.UNKNOWN: "magenta",
    Verdict.PASSING: "green",
    Verdict.FORWARDED: "dim",
    Verdict.RECIPIENT_GATEWAY: "dim",
}
"""How a verdict looks."""
NAMED: Final = 4
"""Sources that such a row names."""
ADDRESSES: Final = 20
"""Addresses beneath a source, at most."""
SIDE_BY_SIDE: Final = 110
"""Columns of a terminal from which on the words stand beside the figures."""
LONGEST: Final = 26
"""Columns that a source's name takes beside them; it goes on below."""
HEADS: Final = ("source", "messages", "pass", "verdict")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: a source, or all forwarders."""

    who: str
    verdict: Verdict
    messages: int
    passing: int
    reason: str
    step: str | None
    addresses: tuple[Share, ...]
    machines: str = ""
    """Whose they are, and which."""

    @property
    def figures(self) -> tuple[str, str, str, str]:
        """What stands below the heads; a stranger may have named the source."""
        rate = f"{self.passing / self.messages:.1%}" if self.messages else "-"
        return printable(self.who), f"{self.messages:,}", rate, VERDICTS[self.verdict]


def show(lines: Sequence[SourceLine], *, addresses: bool) -> None:
    """Print the sources of one domain."""
    rows = list(_rows(lines))
    console = Console(highlight=False)
    if rows:
        console.print()
        draw = _beside if console.width >= SIDE_BY_SIDE else _beneath
        console.print(draw(rows, console.width, addresses=addresses))


def _rows(lines: Sequence[SourceLine]) -> Iterator[_Row]:
    """Make the rows; what was said of a source above is not said again."""
    told: dict[str, str] = {}
    for line in lines:
        if line.verdict not in COLLAPSED:
            words = line.next_step or line.reason
            yield _row(line, told.get(words))
            told.setdefault(words, line.who)
    for verdict in COLLAPSED:
        yield from _collapsed(verdict, [line for line in lines if line.verdict is verdict])


def _row(line: SourceLine, above: str | None) -> _Row:
    """Make a source's row; `above` is who was told the same."""
    reason, step = line.reason, line.next_step
    if above and line.cause is Cause.STRANGER:
        reason, step = f"As for {above} above: nothing ties it to you.", None
    elif above and step:
        step = f"As for {above} above."
    figures = line.messages, line.passing
    return _Row(line.who, line.verdict, *figures, reason, step, line.addresses, _machines(line))


def _machines(line: SourceLine) -> str:
    """Tell whose machines they are, and which sends most."""
    first, *others = [it.key for it in line.addresses] or [""]
    more = f" and {counted(len(others), 'other address', 'other addresses')}" if others else ""
    return " · ".join(filter(None, [line.owner, f"{first}{more}"]))


def _collapsed(verdict: Verdict, lines: Sequence[SourceLine]) -> Iterator[_Row]:
    if not lines:
        return
    one, words = COLLAPSED[verdict]
    names = ", ".join(line.who for line in lines[:NAMED])
    more = f" and {len(lines) - NAMED:,} more" if len(lines) > NAMED else ""
    unsure = next((f"{line.who}: {line.next_step}" for line in lines if line.next_step), None)
    yield _Row(
        counted(len(lines), one),
        verdict,
        sum(line.messages for line in lines),
        sum(line.passing for line in lines),
        f"{words} ({names}{more}).",
        unsure,
        tuple(it for line in lines for it in line.addresses),
    )


def _beside(rows: Sequence[_Row], _width: int, *, addresses: bool) -> RenderableType:
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, leading=1)
    drawn.header_style = "bold"
    drawn.add_column(HEADS[0], overflow="fold", max_width=LONGEST)
    drawn.add_column(HEADS[1], justify="right", no_wrap=True)
    drawn.add_column(HEADS[2], justify="right", no_wrap=True)
    drawn.add_column(HEADS[3], no_wrap=True)
    drawn.add_column("why, and what to do", overflow="fold", ratio=1)
    for row in rows:
        who, messages, rate, verdict = row.figures
        words = Group(*_words(row, addresses=addresses))
        drawn.add_row(Text(who, style="bold"), messages, rate, Text(verdict, style=_style(row)), words)
    return drawn


def _beneath(rows: Sequence[_Row], width: int, *, addresses: bool) -> RenderableType:
    cells = [HEADS, *(row.figures for row in rows)]
    widths = [max(cell_len(row[place]) for row in cells) for place in range(len(HEADS))]
    widths[0] = min(widths[0], width - sum(widths[1:]) - 2 * len(widths))
    head = _figures(HEADS, widths, "bold", "bold")
    parts: list[RenderableType] = [head, Text("─" * min(width, sum(widths) + 2 * len(widths) - 2))]
    for row in rows:
        parts.append(_figures(row.figures, widths, "bold", _style(row)))
        parts += (Padding(words, (0, 0, 0, 2)) for words in _words(row, addresses=addresses))
        parts.append(Text())
    return Group(*parts[:-1])


def _figures(cells: Sequence[str], widths: Sequence[int], name_style: str, style: str) -> Text:
    """Put a row's figures below their heads."""
    who, *numbers, verdict = cells
    aligned = (set_cell_size(it.rjust(width), width) for it, width in zip(numbers, widths[1:], strict=False))
    shown = who if cell_len(who) <= widths[0] else f"{set_cell_size(who, widths[0] - 1)}…"
    return Text("  ").join(
        [
            Text(set_cell_size(shown, widths[0]), style=name_style),
            *map(Text, aligned),
            Text(verdict, style=style),
        ]
    )


def _style(row: _Row) -> str:
    return STYLES[row.verdict]


def _words(row: _Row, *, addresses: bool) -> Iterator[RenderableType]:
    """Say whose machines they are, why and what to do, and list the addresses."""
    if row.machines:
        yield Text(printable(row.machines), style="dim")
    yield Text(printable(row.reason))
    if row.step:
        yield prose.hanging(row.step, 0)
    if addresses:
        yield _listed(row.addresses)


def _listed(addresses: Iterable[Share]) -> RenderableType:
    shown = list(addresses)
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(overflow="fold")
    drawn.add_column(justify="right", no_wrap=True)
    drawn.add_column(overflow="fold")
    for it in shown[:ADDRESSES]:
        passing = it.messages - it.failing
        counts = [f"{passing:,} passing" if passing else "", f"{it.failing:,} failing" if it.failing else ""]
        drawn.add_row(Text(it.key), ", ".join(filter(None, counts)), Text(printable(it.name or "")))
    if len(shown) > ADDRESSES:
        drawn.add_row(Text(f"and {len(shown) - ADDRESSES:,} more"))
    return drawn
