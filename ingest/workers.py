"""Messages in, what was read of them out, in the order they came: by this process, or by several beside it.

Reading is what takes the time, and needs no database: one process writes what the others read.
"""

import gc
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Self

from ingest.reading import Arrival, Rules, Taken, take, unread
from parsers.feedback import is_exhausted, learn_names

ALONE = 100
"""Messages that are read before workers are started, which takes as long as reading some hundreds."""
CHUNK_MESSAGES = 8
CHUNK_BYTES = 1 << 18
"""Of mail: what a worker is given at once, unless one message alone is larger."""
MOST = 4
"""Workers that one writing process can follow; who wants more may say so."""
CHUNK_XML = 4 << 20
"""Bytes: a worker hands over what it has once that has so much XML, whatever it was given."""
AHEAD = 8
"""Chunks for each worker that may be read while earlier ones are written: as many messages as a batch, or more."""

_Result = tuple[list[Taken], bool]
"""What was read, and whether that process can read no more."""


def usual() -> int:
    """Give how many workers are worth having here: one for each core that this process may use, few in all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST)


def read_all(arrivals: Iterable[Arrival], by: Rules, workers: int) -> Generator[Taken]:
    """Read messages, with so many processes beside this one where they are many; with one, by this process alone.

    A message at which its process dies is left for another try, and takes no other along.
    """
    learn_names()
    coming = iter(arrivals)
    for arrival in islice(coming, ALONE) if workers > 1 else coming:
        yield take(arrival, by)
    if (first := next(coming, None)) is not None:
        with _Workers(by, workers) as processes:
            yield from processes.read(chain([first], coming))


class _Workers:
    """Processes that read messages."""

    def __init__(self, by: Rules, number: int) -> None:
        self._by = by
        self._number = number
        self._processes = _processes(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.shutdown(cancel_futures=True)

    def read(self, arrivals: Iterable[Arrival]) -> Iterator[Taken]:
        under_way: deque[tuple[list[Arrival], Future[_Result]]] = deque()
        for chunk in _chunks(arrivals):
            under_way.append((chunk, self._submit(chunk)))
            if len(under_way) > AHEAD * self._number:
                yield from self._result(*under_way.popleft())
        while under_way:
            yield from self._result(*under_way.popleft())

    def _submit(self, chunk: list[Arrival]) -> Future[_Result]:
        try:
            return _submitted(self._processes, chunk, self._by)
        except BrokenProcessPool:  # what it had is read again when it is asked for
            self._renew()
            return _submitted(self._processes, chunk, self._by)

    def _result(self, chunk: list[Arrival], future: Future[_Result]) -> Iterator[Taken]:
        try:
            taken, worn_out = future.result()
        except BrokenProcessPool:  # by this chunk, or by another that was read beside it
            taken, worn_out = self._again(chunk), False
        if worn_out:
            self._renew()
        yield from taken
        if rest := chunk[len(taken) :]:
            yield from self._result(rest, self._submit(rest))

    def _again(self, chunk: list[Arrival]) -> list[Taken]:
        """Read messages once more, and one by one if that fails too."""
        try:
            return self._submit(chunk).result()[0]
        except BrokenProcessPool:
            return [self._alone(arrival) for arrival in chunk]

    def _renew(self) -> None:
        """Have other processes do what comes next; these end with what they were given."""
        self._processes.shutdown(wait=False)
        self._processes = _processes(self._number)

    def _alone(self, arrival: Arrival) -> Taken:
        """Read one message in a process of its own, to know whether it is to blame."""
        with _processes(1) as process:
            try:
                taken, _ = _submitted(process, [arrival], self._by).result()
            except BrokenProcessPool:
                return Taken(unread(arrival, "the process that read it died"), 0.0)
        return taken[0]


def _processes(number: int) -> ProcessPoolExecutor:
    """Make processes that are no copies of this one: it has threads, connections and secrets."""
    # else they would import what lies in the folder that we were started in
    os.environ["PYTHONSAFEPATH"] = "1"
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    return ProcessPoolExecutor(number, context, _begin)


def _submitted(processes: ProcessPoolExecutor, chunk: list[Arrival], by: Rules) -> Future[_Result]:
    """Hand messages over. Ctrl-C must wait: it may start a process, which must not be left half made."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return processes.submit(_take_all, chunk, by)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Prepare a worker. Ctrl-C, which all of them get, is for the one that writes; that one ends its workers by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    learn_names()
    gc.freeze()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
    os._exit(1)


def _take_all(chunk: list[Arrival], by: Rules) -> _Result:
    """Read messages; not all of them, but one at least, where they are heavy together."""
    taken: list[Taken] = []
    weight = 0
    for arrival in chunk:
        taken.append(take(arrival, by))
        weight += taken[-1].message.xml_bytes
        if weight >= CHUNK_XML:
            break
    return taken, is_exhausted()


def _chunks(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    chunk: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        chunk.append(arrival)
        size += len(arrival.raw)
        if len(chunk) == CHUNK_MESSAGES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
