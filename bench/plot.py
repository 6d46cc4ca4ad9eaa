"""Lines in a plane: named points in, SVG out, which takes the colours of the reader's screen, light or dark."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, log10
from typing import Final

WIDTH, HEIGHT = 380, 250
"""Of one panel, with its letters."""
LEFT, RIGHT, TOP, BOTTOM = 44, 32, 58, 44
"""Beside its lines."""
MARKS: Final = 5
"""Numbers on an axis, at most."""

STYLE: Final = """
    .ground { fill: #ffffff } text { fill: #24292f; font: 12px system-ui, sans-serif }
    .title { font-weight: 600 } .grid { stroke: #d8dee4 } .line { fill: none; stroke-width: 2 }
    .l0 { stroke: #0550ae } .l1 { stroke: #bc4c00; stroke-dasharray: 7 3 } .l2 { stroke: #6e7781; stroke-dasharray: 2 3 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d }
      .l0 { stroke: #79c0ff } .l1 { stroke: #ffa657 } .l2 { stroke: #8b949e }
    }"""
"""Three lines, told apart without their colours too."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One plane; both its axes begin at nothing."""

    title: str
    across: str
    """What the lower axis counts."""
    lines: Mapping[str, Sequence[tuple[float, float]]]
    """By their names, three at most."""


def svg(panels: Sequence[Panel], words: str) -> str:
    """Draw panels beside each other; the words are for whoever does not see them."""
    size = f'width="{len(panels) * WIDTH}" height="{HEIGHT}" viewBox="0 0 {len(panels) * WIDTH} {HEIGHT}"'
    drawn = (line for number, panel in enumerate(panels) for line in _panel(panel, number * WIDTH))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"  <title>{escape(words)}</title>",
            f"  <style>{STYLE}\n  </style>",
            '  <rect class="ground" width="100%" height="100%"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, left: int) -> Iterator[str]:
    points = [point for line in panel.lines.values() for point in line]
    across, up = (_marks(max(values)) for values in zip(*points, strict=True))
    wide, high, base = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM

    def x(value: float) -> float:
        return round(left + LEFT + wide * value / across[-1], 1)

    def y(value: float) -> float:
        return round(base - high * value / up[-1], 1)

    yield _text(left + LEFT, 18, panel.title, kind="title")
    for mark in up:
        yield f'  <path class="grid" d="M{x(0)} {y(mark)}H{x(across[-1])}"/>'
        yield _text(x(0) - 6, y(mark) + 4, f"{mark:g}", anchor="end")
    for mark in across:
        yield _text(x(mark), base + 18, f"{mark:,.0f}", anchor="middle")
    yield _text(x(across[-1] / 2), base + 36, panel.across, anchor="middle")
    for number, (name, line) in enumerate(panel.lines.items()):
        at = left + LEFT + number * wide / len(panel.lines)
        yield f'  <path class="line l{number}" d="M{at:.0f} 36h22"/>'
        yield _text(at + 27, 40, name)
        path = "L".join(f"{x(one)} {y(other)}" for one, other in line)
        yield f'  <path class="line l{number}" d="M{path}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'  <text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def _marks(most: float) -> list[float]:
    """Give round numbers from nothing to beyond the greatest value."""
    rough = most / MARKS
    power = 10 ** (ceil(log10(rough)) - 1)
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    return [step * number for number in range(ceil(most / step) + 1)]
