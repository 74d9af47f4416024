"""DataLoader workers: what a notebook defines travels to them by value, and their death is explained.

Where workers are not forked (Windows, macOS, Python 3.14, a ``multiprocessing_context`` of spawn) they import
what they are sent, and a class or lambda of a notebook cannot be imported: they die or hang. cloudpickle
sends its code instead.
"""

from __future__ import annotations

import multiprocessing
import re
from typing import Any

import cloudpickle
from torch.utils.data import DataLoader, Dataset, IterableDataset

from lepton_nb.data.own.dataloader_views import rebuild
from lepton_nb.errors import DataError


def imports_in_workers(loader: DataLoader[Any]) -> bool:
    """Whether the loader has workers, and they import what they are sent."""
    if not loader.num_workers:
        return False
    context = loader.multiprocessing_context or multiprocessing.get_context()
    return context.get_start_method() != "fork"


_PARTS = ("dataset", "collate_fn", "worker_init_fn")


def check_sendable(loader: DataLoader[Any], name: str) -> None:
    """Find out now, and not in a worker, whether the loader's parts can be sent.

    Raises:
        DataError: If one cannot.
    """
    for part in _PARTS:
        try:
            cloudpickle.dumps(getattr(loader, part))
        except Exception as error:
            raise DataError(
                f"The {part} of the {name} loader cannot be sent to its workers: {error}.",
                f"Make what it holds where it is used, or give the {name} loader num_workers=0.",
            ) from None


def sent_by_value(loader: DataLoader[Any]) -> DataLoader[Any]:
    """The same loader, whose workers get its parts by value."""
    dataset = loader.dataset
    wrapped = _SentStream(dataset) if isinstance(dataset, IterableDataset) else _SentItems(dataset)
    functions = {part: getattr(loader, part) for part in _PARTS if part != "dataset"}
    sent = {part: None if value is None else _SentFunction(value) for part, value in functions.items()}
    return rebuild(loader, dataset=wrapped, **sent)


_DIED = re.compile(r"DataLoader worker \(pid.*(exited unexpectedly|is killed by signal)")


def worker_death(error: BaseException) -> DataError | None:
    """The explanation of an error that says a worker died; None of any other.

    torch raises it from a signal handler, so it may strike in the middle of a step, too.
    """
    if not isinstance(error, RuntimeError) or not _DIED.match(str(error)):
        return None
    return _dead(str(error).splitlines()[0].rstrip(". "))


def lost_batch(error: BaseException) -> DataError | None:
    """The explanation of an error in fetching a batch whose worker is gone; None of any other.

    A worker hands over the address of a batch in its memory. When it dies before the batch is fetched, the
    connection breaks first; torch notices the death later. What a dataset raises says that a worker caught
    it, and is the dataset's own.
    """
    if not isinstance(error, (ConnectionError, EOFError)) or "in DataLoader worker" in str(error):
        return None
    return _dead(f"a batch went with it ({type(error).__name__})")


def _dead(reason: str) -> DataError:
    return DataError(
        f"A worker of a DataLoader died: {reason}.",
        "It was killed, often for want of memory (shared memory: df -h /dev/shm), or its code crashed. "
        "Give the loader a smaller num_workers, or 0 to see the error itself.",
    )


class _Sent:
    """Stands for a value; it arrives in another process as that value itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return cloudpickle.loads, (cloudpickle.dumps(self.value),)


class _SentFunction(_Sent):
    def __call__(self, *args: Any) -> Any:
        return self.value(*args)


class _SentItems(_Sent, Dataset[Any]):
    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]


class _SentStream(_Sent, IterableDataset[Any]):
    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return iter(self.value)
