"""Our service and every peer that is installed, side by side: `python -m tests.benchmarks.serving --help`."""
