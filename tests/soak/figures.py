"""What a soak measured in, tables for people out."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recovery:
    """How long after a fault had ended new mail was stored in every mailbox again."""

    faults: tuple[str, ...]
    seconds: float


@dataclass
class Figures:
    """All that is measured while a soak runs."""

    seed: int
    seconds: float = 0
    mails: int = 0
    reports: int = 0
    starts: int = 0
    """Of daemons, beyond the first of each."""
    copies: int = 0
    """Mails that lie in their folder twice, where the server was cut off in the middle of a MOVE."""
    recoveries: list[Recovery] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start -> resident MiB of the daemon that is never stopped."""

    @property
    def times(self) -> dict[str, list[float]]:
        """Give the recovery times of each kind of fault."""
        times = defaultdict(list)
        for recovery in self.recoveries:
            for fault in recovery.faults:
                times[fault].append(recovery.seconds)
        return dict(times)

    def mib(self, part: float) -> float:
        """Give the memory around a part of the time: 0 the start, 1 the end."""
        width = max(1, len(self.memory) // 20)
        first = round(part * (len(self.memory) - width))
        return statistics.median(mib for _, mib in self.memory[first : first + width])

    @property
    def slope(self) -> float:
        """Give how memory grows, in MiB an hour, over the second half of the time."""
        later = self.memory[len(self.memory) // 2 :]
        return 3600 * statistics.linear_regression(*zip(*later, strict=True)).slope

    def table(self, when: str) -> str:
        """Write it all down, for the documentation."""
        seconds = [recovery.seconds for recovery in self.recoveries]
        head = {
            "date": when,
            "minutes": f"{self.seconds / 60:.0f}",
            "seed": str(self.seed),
            "mails": f"{self.mails:,}",
            "reports": f"{self.reports:,}",
            "faults": str(sum(map(len, self.times.values()))),
            "daemons started again": str(self.starts),
            "recovery, median s": f"{statistics.median(seconds):.1f}",
            "worst s": f"{max(seconds):.1f}",
            "MiB at the start": f"{self.mib(0):.0f}",
            "in the middle": f"{self.mib(0.5):.0f}",
            "at the end": f"{self.mib(1):.0f}",
            "MiB an hour": f"{self.slope:+.1f}",
        }
        rows = [
            (fault, str(len(times)), f"{statistics.median(times):.1f}", f"{max(times):.1f}")
            for fault, times in sorted(self.times.items())
        ]
        return "\n\n".join(
            [
                _table(list(head), [list(head.values())], left=1),
                _table(["fault", "times", "recovery, median s", "worst s"], rows, left=1),
            ]
        )


def _table(head: list[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])
