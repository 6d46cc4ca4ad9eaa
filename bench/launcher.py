"""Run one command and write down what it took: a file for the figures and the command in, its exit status out.

A program of its own because Linux counts the memory of the process that starts a command into the command's peak
(ru_maxrss survives exec): whoever starts it must be smaller than what is measured, so this imports next to nothing.
"""

import ctypes
import json
import os
import signal
import sys
import time
from contextlib import suppress
from resource import RUSAGE_CHILDREN, getrusage

LOOKED_SECONDS = 0.1
"""Between two looks at the memory of a command that started others: the kernel keeps a peak of each alone."""
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2)."""


def main() -> int:
    """Read FIGURES COMMAND… from the command line, run the command and measure it with everything it starts."""
    figures, *command = sys.argv[1:]
    # Who is left behind by the command becomes a child of this process: else its CPU time would count nowhere.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # it waits until it is asked for
    started, together = time.perf_counter(), 0.0
    process = os.posix_spawnp(command[0], command, os.environ, setsigmask=())
    while not (ended := os.waitpid(process, os.WNOHANG))[0]:
        signal.sigtimedwait({signal.SIGCHLD}, LOOKED_SECONDS)
        together = max(together, _together(process))
    wall = time.perf_counter() - started
    with suppress(ChildProcessError):
        while True:
            os.wait()
    usage = getrusage(RUSAGE_CHILDREN)
    cpu, peak = usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss / 1024, together)
    with open(figures, "w", encoding="ascii") as file:  # noqa: PTH123 (pathlib is memory, see above)
        json.dump({"cpu_seconds": cpu, "wall_seconds": wall, "peak_mib": peak}, file)
    return os.waitstatus_to_exitcode(ended[1])


def _together(process: int) -> float:
    """Tell the MiB of a process and of all it started, what they share counted once; 0 where it is alone."""
    try:
        family = _family(str(process))
        return sum(map(_mib, family)) if len(family) > 1 else 0.0
    except OSError:  # one of them has just ended
        return 0.0


def _family(process: str) -> list[str]:
    family = [process]
    for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 (the same)
        with open(f"/proc/{process}/task/{thread}/children", encoding="ascii") as file:  # noqa: PTH123 (the same)
            for child in file.read().split():
                family += _family(child)
    return family


def _mib(process: str) -> float:
    with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:  # noqa: PTH123 (the same)
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:"))


if __name__ == "__main__":
    sys.exit(main())
