"""The space that a search draws settings from: ``lr=1e-4..1e-1:log,batch_size=32|64``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from lepton_nb.errors import ArgumentError, did_you_mean
from lepton_nb.training.config import TrainConfig

_RANGE = re.compile(r"(?P<low>[^.|:]+(?:\.[^.|:]+)?)\.\.(?P<high>[^|:]+)(?P<log>:log)?")
_WORDS: dict[str, Any] = {"none": None, "true": True, "yes": True, "false": False, "no": False}
_EXAMPLE = "For example --search lr=1e-4..1e-1:log,batch_size=32|64"


@dataclass(frozen=True)
class Dimension:
    """What one setting may be: one of some values, or any from `low` to `high`.

    Attributes:
        choices: The values; None for a range.
        log: Whether a range is drawn on a logarithmic scale.
        whole: Whether a range is of whole numbers.
    """

    name: str
    choices: tuple[Any, ...] | None = None
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def distribution(self) -> Any:
        """The same as Optuna says it."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices is not None:
            return CategoricalDistribution(self.choices)
        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def __str__(self) -> str:
        if self.choices is not None:
            return f"{self.name}={'|'.join(map(str, self.choices))}"
        return f"{self.name}={self.low:g}..{self.high:g}{':log' if self.log else ''}"


def parse_space(search: str | Mapping[str, str | Sequence[Any]]) -> list[Dimension]:
    """The dimensions of a search.

    Args:
        search: ``name=low..high``, ``name=low..high:log`` or ``name=a|b|c``, with commas between them; or a
            mapping from names to such texts or to lists of choices.

    Raises:
        ArgumentError: If a name is no setting, a value does not suit it, or there is nothing to search.
    """
    if isinstance(search, str):
        parts = [part.partition("=") for part in search.split(",") if part.strip()]
        pairs: list[tuple[str, str | Sequence[Any]]] = [(name.strip(), text) for name, _, text in parts]
    else:
        pairs = list(search.items())
    if not pairs:
        raise ArgumentError("There is nothing to search.", _EXAMPLE)
    return [_dimension(name.replace("-", "_"), what) for name, what in pairs]


def space_text(space: Sequence[Dimension]) -> str:
    """The space as `parse_space` reads it."""
    return ",".join(map(str, space))


def _dimension(name: str, what: str | Sequence[Any]) -> Dimension:
    known = [field.name for field in fields(TrainConfig)]
    if name not in known:
        raise ArgumentError(f"There is no setting {name!r} to search.", did_you_mean(name, known))
    if not isinstance(what, str):
        found = Dimension(name, tuple(what))
    elif (match := _RANGE.fullmatch(what.strip())) is not None:
        found = _range(name, match)
    else:
        found = Dimension(name, tuple(_value(text.strip()) for text in what.split("|") if text.strip()))
    ends = found.choices if found.choices is not None else (found.low, found.high)
    if not ends:
        raise ArgumentError(f"The search gives no value for {name}.", _EXAMPLE)
    for end in ends:
        TrainConfig.from_options({name: end})
    return found


def _range(name: str, match: re.Match[str]) -> Dimension:
    low, high, log = _value(match["low"]), _value(match["high"]), match["log"] is not None
    numbers = isinstance(low, int | float) and isinstance(high, int | float)
    if not numbers or low >= high or (log and low <= 0):
        above = ", above 0 for a logarithmic scale" if log else ""
        raise ArgumentError(f"The range {name}={match[0]} is none: it must rise{above}.", _EXAMPLE)
    hint = get_type_hints(TrainConfig)[name]
    kinds = get_args(hint) or (hint,)
    return Dimension(name, low=float(low), high=float(high), log=log, whole=float not in kinds)


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
