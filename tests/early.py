"""Loaded before any other plugin of pytest.

Jupyter's plugins import jsonschema, which builds a grammar of international addresses (RFC 3987) if it can:
2.5 s at the start of each of our processes, for a format that no schema here has.
"""

from __future__ import annotations

import gc
import signal
import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
# A job in the background ignores interrupts; some tests send them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    gc.freeze()  # the modules of torch are a large heap to search through again and again
