"""Names of the tasks between which targets of 0 and 1 decide, for whoever reads data."""

from __future__ import annotations

BINARY = "binary-classification"
SEVERAL = "multi-label-classification"
LABEL_TASKS = (BINARY, SEVERAL)
