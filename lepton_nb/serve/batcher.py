"""The queue between HTTP and the worker: greedy batches, bounded waiting, and an end to every request.

A batch is whatever has queued while the last one ran, so that an idle service answers at once and a busy one
runs large batches. Everything happens on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from lepton_nb.serve.batches import Answer, Request, Result
from lepton_nb.serve.process import Worker
from lepton_nb.show.numbers import limit as limit_text

_BATCH_BYTES = 16 << 20  # a batch is closed once it has as much

log = logging.getLogger("lepton_nb.serve")


@dataclass(slots=True)
class Waiting:
    """A request waiting for its answer.

    Attributes:
        gone: Whether the client has hung up.
        on_piece: Called with each piece of the answer; None where it is wanted whole.
        alone: Whether it shares no batch: it is answered in pieces, or was in one that ended its worker.
    """

    request: Request
    future: asyncio.Future[Answer]
    deadline: float
    gone: Callable[[], bool]
    on_piece: Callable[[bytes], None] | None = None
    alone: bool = False


@dataclass(eq=False)
class _Batch:
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
        time_limit: Seconds a request may wait, and seconds a batch may run.
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
        """Requests in the batches that are running."""
        return sum(len(batch.jobs) for batch in self._running.values())

    def submit(
        self, request: Request, gone: Callable[[], bool], on_piece: Callable[[bytes], None] | None = None
    ) -> asyncio.Future[Answer]:
        """Queue a request. Its future always gets an answer, within the time limit."""
        future = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + self.time_limit
        self.waiting.append(Waiting(request, future, deadline, gone, on_piece, alone=on_piece is not None))
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
        if former is not None and former not in self._running:
            self.on_retired(former)
        self._pump()
        return former

    def lose(self, worker: Worker) -> None:
        """The worker's process is gone: answer what it was running, and send it nothing more.

        Of several requests one is to blame. Each is run once more by itself, so that the others are answered.
        """
        if self.worker is worker:
            self.worker = None
        batch = self._running.pop(worker, None)
        if batch is None:
            return
        if not batch.overdue and len(batch.jobs) > 1:
            for job in reversed(batch.jobs):
                job.alone = True
                self.waiting.appendleft(job)
            return
        for job in batch.jobs:
            if batch.overdue:
                _settle(job, 504, f"the model ran longer than {self.time_limit:g} s and was ended")
            elif worker.crashed:
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
                self.waiting.popleft(), 504, f"no answer within {self.time_limit:g} s: the service is busy"
            )
        for batch in list(self._running.values()):
            self._stop_unwanted(batch)
            if not batch.overdue and batch.deadline <= now:
                batch.overdue = True
                log.error("a batch ran longer than %g s: ending worker %d", self.time_limit, batch.worker.pid)
                batch.worker.kill(f"ran longer than {self.time_limit:g} s and was ended")

    def _pump(self) -> None:
        worker = self.worker
        if worker is None or worker in self._running or not self.waiting:
            return
        jobs: list[Waiting] = []
        size = 0
        while self.waiting and len(jobs) < self.max_batch and size < _BATCH_BYTES:
            job = self.waiting.popleft()
            if job.future.done() or job.gone():
                _settle(job, 499, "the client has gone")
                continue
            if job.alone and jobs:
                self.waiting.appendleft(job)
                break
            jobs.append(job)
            size += len(job.request.body)
            if job.alone:
                break
        if jobs:
            self._running[worker] = _Batch(worker, jobs, time.monotonic() + self.time_limit)
            worker.run([job.request for job in jobs])

    def _pass_on(self, worker: Worker, index: int, piece: bytes) -> None:
        on_piece = self._running[worker].jobs[index].on_piece
        if on_piece is not None:
            on_piece(piece)

    def _stop_unwanted(self, batch: _Batch) -> None:
        """End an answer in pieces whose client has gone."""
        job = batch.jobs[0]
        if job.on_piece is not None and not batch.stopped and job.gone():
            batch.stopped = True
            batch.worker.stop_pieces()

    def _finish(self, worker: Worker, result: Result) -> None:
        batch = self._running.pop(worker)
        if worker is self.worker:
            self._pump()  # first: the worker should not wait while we answer
        else:
            self.on_retired(worker)
        for job, answer in zip(batch.jobs, result.answers, strict=True):
            if not job.future.done():
                job.future.set_result(answer)
        self.on_batch(len(batch.jobs), result)


def _settle(job: Waiting, status: int, message: str) -> None:
    if not job.future.done():
        job.future.set_result(Answer(status, orjson.dumps({"error": message})))
