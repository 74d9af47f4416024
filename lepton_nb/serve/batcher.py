"""The queue between HTTP and the worker: greedy batches, bounded waiting, and an end to every request.

A batch is whatever has queued while the last one ran, so that an idle service answers at once and a busy one
runs large batches. Answers in pieces, streams, are made between the batches. Everything happens on the event
loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import orjson

from lepton_nb.processes.settings import LONGER
from lepton_nb.serve.batches import Answer, Request, Result
from lepton_nb.serve.process import Worker
from lepton_nb.show.numbers import limit as limit_text

_BATCH_BYTES = 16 << 20  # a batch is closed once it has as much
_STREAMS = 16  # answers in pieces that are made at once; more would make each slow

log = logging.getLogger("lepton_nb.serve")


@dataclass(slots=True, eq=False)
class Waiting:
    """A request waiting for its answer.

    Attributes:
        gone: Whether the client has hung up.
        on_piece: Called with each piece of the answer; None where it is wanted whole.
        alone: Whether it shares the worker with no other: one of several, of which one ended theirs.
    """

    request: Request
    future: asyncio.Future[Answer]
    deadline: float
    gone: Callable[[], bool]
    on_piece: Callable[[bytes], None] | None = None
    alone: bool = False


@dataclass(eq=False)
class _Batch:
    """What a worker was given: several jobs, or one that is a stream."""

    worker: Worker
    jobs: list[Waiting]
    deadline: float
    overdue: bool = False
    stopped: bool = False


class Batcher:
    """Feeds the active worker.

    Args:
        max_queue: Requests that may wait.
        max_held: Bytes of bodies that may be held.
        max_batch: Requests taken into one batch.
        time_limit: Seconds a request may wait, and seconds that a batch, or a piece of an answer, may take.
        on_batch: Called with the number of requests and the result of each batch.
        on_retired: Called with a worker that has been replaced, once it has answered its last batch.
    """

    def __init__(
        self,
        *,
        max_queue: int,
        max_held: int,
        max_batch: int,
        time_limit: float,
        on_batch: Callable[[int, Result], None],
        on_retired: Callable[[Worker], None] = Worker.close,
    ) -> None:
        self.max_queue = max_queue
        self.max_held = max_held
        self.max_batch = max_batch
        self.time_limit = time_limit
        self.on_batch = on_batch
        self.on_retired = on_retired
        self.waiting: deque[Waiting] = deque()
        self.worker: Worker | None = None
        self._running: dict[Worker, _Batch] = {}
        self._streams: defaultdict[Worker, dict[int, _Batch]] = defaultdict(dict)
        self._numbers = count(1)
        self._held = 0

    def refusal(self, size: int) -> str:
        """Why a request with a body of `size` bytes cannot be taken now; empty where it can."""
        if len(self.waiting) >= self.max_queue:
            return f"{len(self.waiting)} requests are waiting already"
        if self._held and self._held + size > self.max_held:
            return f"the waiting requests hold {limit_text(self._held)} already"
        return ""

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Count the bytes of a body while the block runs."""
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    @property
    def in_flight(self) -> int:
        """Requests in the batches that are running, and streams."""
        return sum(len(batch.jobs) for batch in self._batches())

    def _batches(self) -> list[_Batch]:
        streams = (stream for streams in self._streams.values() for stream in streams.values())
        return [*self._running.values(), *streams]

    def submit(
        self, request: Request, gone: Callable[[], bool], on_piece: Callable[[bytes], None] | None = None
    ) -> asyncio.Future[Answer]:
        """Queue a request. Its future always gets an answer, within the time limit."""
        future = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + self.time_limit
        self.waiting.append(Waiting(request, future, deadline, gone, on_piece))
        self._pump()
        return future

    def use(self, worker: Worker) -> Worker | None:
        """Send every further batch to `worker`.

        Returns:
            The worker used so far; it still finishes what it runs.
        """
        former, self.worker = self.worker, worker
        worker.on_result = self._finish
        worker.on_piece = self._pass_on
        worker.on_end = self._end
        if former is not None:
            self._retire(former)
        self._pump()
        return former

    def lose(self, worker: Worker) -> None:
        """The worker's process is gone: answer what it was running, and send it nothing more.

        Of several requests one is to blame. Each of a batch is run once more by itself, so that the others
        are answered; of a stream a part may have been sent already.
        """
        if self.worker is worker:
            self.worker = None
        batch, streams = self._running.pop(worker, None), [*self._streams.pop(worker, {}).values()]
        late = any(stream.overdue for stream in streams)
        shared = len(streams) + (len(batch.jobs) if batch else 0) > 1
        for stream in streams:
            self._blame(stream, shared)
        if batch is None:
            return
        if batch.overdue or not (shared or late):
            self._blame(batch, shared)
            return
        for job in reversed(batch.jobs):
            job.alone = not late
            self.waiting.appendleft(job)

    def _blame(self, batch: _Batch, shared: bool) -> None:
        """Answer what cannot be run once more."""
        worker = batch.worker
        for job in batch.jobs:
            if batch.overdue:
                _settle(job, 504, f"the model ran longer than {self.time_limit:g} s and was ended; {LONGER}")
            elif worker.crashed and not shared:
                _settle(job, 500, f"the model crashed on this input: its process {worker.ending}")
            else:
                what = f"the process running the model {worker.ending} while it worked on this request"
                _settle(job, 503, what)

    def refuse(self, message: str) -> None:
        """Answer everything that waits with 503."""
        while self.waiting:
            _settle(self.waiting.popleft(), 503, message)

    def check_time(self) -> None:
        """End what has run, and refuse what has waited, too long; called several times a second."""
        now = time.monotonic()
        while self.waiting and (self.waiting[0].deadline <= now or self.waiting[0].future.done()):
            _settle(
                self.waiting.popleft(),
                504,
                f"no answer within {self.time_limit:g} s: the service is busy; {LONGER}",
            )
        for batch in self._batches():
            if not batch.overdue and batch.deadline <= now:
                batch.overdue = True
                log.error("a batch ran longer than %g s: ending worker %d", self.time_limit, batch.worker.pid)
                batch.worker.kill(f"ran longer than {self.time_limit:g} s and was ended")
        self._stop_unwanted()

    def _pump(self) -> None:
        """Give the worker what it can take now."""
        worker = self.worker
        if worker is None:
            return
        self._begin_streams(worker)
        if worker not in self._running and (jobs := self._next_batch(worker)):
            self._running[worker] = _Batch(worker, jobs, time.monotonic() + self.time_limit)
            worker.run([job.request for job in jobs])

    def _begin_streams(self, worker: Worker) -> None:
        streams, running = self._streams[worker], self._running.get(worker)
        for job in [*self.waiting]:
            if job.alone or len(streams) == _STREAMS or (running is not None and running.jobs[0].alone):
                return  # one that must be alone is not to wait for ever
            if job.on_piece is None:
                continue
            self.waiting.remove(job)
            if _is_wanted(job):
                number = next(self._numbers)
                streams[number] = _Batch(worker, [job], time.monotonic() + self.time_limit)
                worker.stream(number, job.request)

    def _next_batch(self, worker: Worker) -> list[Waiting]:
        """The jobs that have waited longest, without streams, for which there is no room now."""
        jobs: list[Waiting] = []
        streams: list[Waiting] = []
        size = 0
        while self.waiting and len(jobs) < self.max_batch and size < _BATCH_BYTES:
            job = self.waiting.popleft()
            if not _is_wanted(job):
                continue
            if job.on_piece is not None:
                streams.append(job)
                continue
            if job.alone and (jobs or self._streams[worker]):
                self.waiting.appendleft(job)
                break
            jobs.append(job)
            size += len(job.request.body)
            if job.alone:
                break
        self.waiting.extendleft(reversed(streams))
        return jobs

    def _pass_on(self, worker: Worker, number: int, piece: bytes) -> None:
        stream = self._streams[worker][number]
        stream.deadline = time.monotonic() + self.time_limit
        on_piece = stream.jobs[0].on_piece
        if on_piece is not None:
            on_piece(piece)

    def _stop_unwanted(self) -> None:
        """End the answers in pieces whose clients have gone."""
        for worker, streams in self._streams.items():
            for number, stream in streams.items():
                if not stream.stopped and stream.jobs[0].gone():
                    stream.stopped = True
                    worker.stop_stream(number)

    def _end(self, worker: Worker, number: int, result: Result) -> None:
        self._done(self._streams[worker].pop(number), result)

    def _finish(self, worker: Worker, result: Result) -> None:
        self._done(self._running.pop(worker), result)

    def _done(self, batch: _Batch, result: Result) -> None:
        if batch.worker is self.worker:
            self._pump()  # first: the worker should not wait while we answer
        else:
            self._retire(batch.worker)
        for job, answer in zip(batch.jobs, result.answers, strict=True):
            if not job.future.done():
                job.future.set_result(answer)
        self.on_batch(len(batch.jobs), result)

    def _retire(self, worker: Worker) -> None:
        """Let go of a worker that has been replaced, once it has nothing left to do."""
        if worker not in self._running and not self._streams[worker]:
            del self._streams[worker]
            self.on_retired(worker)


def _is_wanted(job: Waiting) -> bool:
    if not job.future.done() and job.gone():
        _settle(job, 499, "the client has gone")
    return not job.future.done()


def _settle(job: Waiting, status: int, message: str) -> None:
    if not job.future.done():
        job.future.set_result(Answer(status, orjson.dumps({"error": message})))
