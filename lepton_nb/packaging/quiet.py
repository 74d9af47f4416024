"""Keeping the exporters' notes out of the user's cell, and the garbage collector out of the exporters."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTY = ("torch", "onnxscript", "onnx_ir", "onnxruntime")


@contextmanager
def quiet() -> Iterator[None]:
    """No progress notes, logs or deprecation warnings from the exporters."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection. The exporters make objects by the hundred thousand that stay, and the collector
    would look through them, and all of torch, again and again: a tenth of the time of a first export."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
