"""Days in, bars out: they stand for what they should, whatever the figures, and the words say the same."""

import re
from datetime import date, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, PackageLoader, StrictUndefined

from ingest.web import words
from ingest.web.charts import HEIGHT, SEEN, SPARK_HEIGHT, SPARK_WIDTH, Bar, Chart, chart, spark
from store.pages.values import ChartDay

BOX: Final = re.compile(r"M([\d.]+) ([\d.]+)v(-?[\d.]+)h([\d.]+)v-?[\d.]+z")
LAST: Final = date(2026, 11, 15)


def days(*figures: tuple[int, int, int]) -> list[ChartDay]:
    """Give days up to the last one."""
    first = LAST - timedelta(days=len(figures) - 1)
    return [ChartDay(first + timedelta(days=n), *it) for n, it in enumerate(figures)]


def drawn(*figures: tuple[int, int, int], number: int = 7) -> Chart:
    found = chart(days(*figures), number, LAST)
    assert found
    return found


def height(bar: Bar, part: str) -> float:
    return sum(it.height for it in bar.blocks if it.part == part)


def test_nothing_is_drawn_of_nothing() -> None:
    assert chart([], 30, LAST) is None
    assert chart(days((0, 0, 0)), 30, LAST) is None
    assert spark([], 30, LAST) is None


def test_every_day_has_its_place_the_last_one_at_the_right() -> None:
    found = drawn((10, 0, 0), (20, 0, 0), number=10)
    assert len(found.bars) == 10
    assert [len(it.blocks) for it in found.bars] == [0] * 8 + [1, 1]
    assert found.bars[-1].x + found.place == pytest.approx(100)
    assert found.bars[0].words == "2026-11-06: no mail reported"


def test_days_beyond_the_period_are_left_out() -> None:
    found = drawn((1000, 0, 0), (10, 0, 0), (20, 0, 0), number=2)
    assert [it.words[:10] for it in found.bars] == ["2026-11-14", "2026-11-15"]
    assert "30 messages" in found.words


def test_what_passes_stands_above_the_line_and_what_does_not_below_it() -> None:
    bar = drawn((60, 30, 10)).bars[-1]
    up, down, beyond = bar.blocks
    assert (up.part, down.part, beyond.part) == ("passing", "failing", "forwarded")
    assert up.y + up.height == pytest.approx(down.y)
    assert down.y + down.height == pytest.approx(beyond.y)
    assert up.height == pytest.approx(2 * down.height, abs=0.2)


def test_a_single_message_among_a_million_is_seen() -> None:
    bar = drawn((1_000_000, 1, 1)).bars[-1]
    assert height(bar, "failing") == SEEN
    assert height(bar, "forwarded") == SEEN


def test_lines_are_numbered_roundly_in_both_directions() -> None:
    found = drawn((3900, 150, 0), (100, 2000, 0))
    assert [it.text for it in found.lines] == ["0", "2,000", "2,000"]
    assert found.lines[0].at == found.base
    assert found.lines[1].at < found.base < found.lines[2].at


def test_few_messages_are_not_divided() -> None:
    assert [it.text for it in drawn((2, 1, 0)).lines] == ["0", "1", "2", "1"]


def test_a_week_names_its_days_and_a_quarter_some_mondays() -> None:
    week = drawn((1, 0, 0), number=7)
    assert [it.text for it in week.days][-1] == "15 Nov"
    quarter = drawn((1, 0, 0), number=90)
    named = [date.fromisoformat(f"2026-{date_of(it.text)}") for it in quarter.days]
    assert 3 < len(named) <= 8
    assert {it.weekday() for it in named} == {0}


def date_of(text: str) -> str:
    """Read `9 Nov`."""
    day, month = text.split()
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{months.index(month) + 1:02}-{int(day):02}"


def test_the_words_say_what_the_picture_shows() -> None:
    found = drawn((50, 50, 0), (300, 0, 0), number=30)
    assert found.words == (
        "30 days to 2026-11-15: 400 messages, 87.5% passing; the most on 2026-11-15 (300); the lowest pass rate on "
        "2026-11-14 (50.0%); no mail reported on 28 days."
    )
    assert found.bars[-2].words == "2026-11-14: 100 messages, 50.0% passing (50 passing, 50 failing)"
    assert drawn((5, 0, 2)).bars[-1].words.endswith("(5 passing, 0 failing, 2 by forwarders)")


def test_the_key_names_only_what_occurs() -> None:
    assert drawn((5, 0, 0)).parts == ("passing",)
    assert drawn((5, 0, 0), (0, 1, 3)).parts == ("passing", "failing", "forwarded")


FIGURES = st.integers(0, 10**12)


@given(st.lists(st.tuples(FIGURES, FIGURES, FIGURES), min_size=1, max_size=100), st.sampled_from([7, 30, 90]))
def test_no_bar_leaves_the_picture(figures: list[tuple[int, int, int]], number: int) -> None:
    found = chart(days(*figures), number, LAST)
    for bar in found.bars if found else ():
        assert 0 <= bar.x < 100
        assert all(it.y >= 0 and it.y + it.height <= HEIGHT + 0.5 for it in bar.blocks)


@given(st.lists(st.tuples(FIGURES, FIGURES, FIGURES), min_size=1, max_size=30))
def test_no_small_bar_leaves_the_picture(figures: list[tuple[int, int, int]]) -> None:
    found = spark(days(*figures), 30, LAST)
    for path in (found.passing, found.failing) if found else ():
        for box in BOX.findall(path):
            x, base, height, width = map(float, box)
            assert 0 <= x <= SPARK_WIDTH - width
            assert -0.1 <= base + height <= SPARK_HEIGHT + 0.5


def test_a_small_bar_stands_on_the_line() -> None:
    found = spark(days((1, 0, 0), (3, 1, 0)), 2, LAST)
    assert found
    assert found.passing.count("M") == 2
    (box,) = BOX.findall(found.failing)
    assert float(box[0]) == SPARK_WIDTH / 2


def test_the_picture_has_its_words_and_no_inline_style() -> None:
    """The policy of the pages allows none, and a screen reader sees the words alone."""
    made = Environment(loader=PackageLoader("ingest.web"), autoescape=True, undefined=StrictUndefined)
    made.filters.update(words.FILTERS)
    made.globals.update(words.GLOBALS)
    drawing = made.get_template("charts.html.j2").module
    found = drawn((60, 30, 10))
    written = str(drawing.chart(found, "Messages a day"))  # type: ignore[attr-defined]  # a macro
    assert f'role="img" aria-label="{found.words}"' in written
    assert "style=" not in written
    assert "<script" not in written
    assert written.count('<g class="day">') == 7
    assert 'fill="url(#hatch-failing)"' in written
