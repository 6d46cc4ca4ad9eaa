"""Run one command and write down what it took: a file for the figures and the command in, its exit status out.

A program of its own because Linux counts the memory of the process that starts a command into the command's peak
(ru_maxrss survives exec): whoever starts it must be smaller than what is measured, so this imports next to nothing.
"""

import json
import os
import sys
import time


def main() -> int:
    """Read FIGURES COMMAND… from the command line, run the command and measure it with everything it starts."""
    figures, *command = sys.argv[1:]
    started = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - started
    cpu = usage.ru_utime + usage.ru_stime
    with open(figures, "w", encoding="ascii") as file:  # noqa: PTH123 (pathlib is memory, see above)
        json.dump({"cpu_seconds": cpu, "wall_seconds": wall, "peak_mib": usage.ru_maxrss / 1024}, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
