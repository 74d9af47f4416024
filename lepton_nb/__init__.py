"""From a PyTorch model in a notebook cell to a running service.

`%load_ext lepton_nb` adds the `%lepton` magic; every subcommand is also a function here. Public names
load on first use, so that importing the package needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

try:
    __version__ = version("lepton-nb")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

_PUBLIC = {
    "Callback": "lepton_nb.callbacks",
    "DataBundle": "lepton_nb.data",
    "Deployment": "lepton_nb.deployment",
    "EvaluationResult": "lepton_nb.evaluation",
    "LeptonError": "lepton_nb.errors",
    "Package": "lepton_nb.packaging",
    "Run": "lepton_nb.runs",
    "RunStore": "lepton_nb.runs",
    "Signature": "lepton_nb.signature",
    "TrainConfig": "lepton_nb.training",
    "attach": "lepton_nb.widgets",
    "compare": "lepton_nb.evaluation",
    "cross_validate": "lepton_nb.training",
    "deploy": "lepton_nb.deployment",
    "deployments": "lepton_nb.deployment",
    "doctor": "lepton_nb.deployment",
    "evaluate": "lepton_nb.evaluation",
    "export": "lepton_nb.deployment",
    "get_deployment": "lepton_nb.deployment",
    "get_run": "lepton_nb.runs",
    "list_runs": "lepton_nb.runs",
    "load_model": "lepton_nb.packaging",
    "logs": "lepton_nb.deployment",
    "lr_find": "lepton_nb.training",
    "model": "lepton_nb.models",
    "new": "lepton_nb.scaffold",
    "note": "lepton_nb.runs",
    "predict": "lepton_nb.deployment",
    "resume": "lepton_nb.widgets.showing",
    "rollback": "lepton_nb.deployment",
    "schedule": "lepton_nb.training",
    "service": "lepton_nb.deployment.routes",
    "stop": "lepton_nb.deployment",
    "train": "lepton_nb.widgets.showing",
    "tune": "lepton_nb.widgets.showing",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the `%lepton` magic: what `%load_ext lepton_nb` calls."""
    from lepton_nb.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove the `%lepton` magic: what `%unload_ext lepton_nb` calls."""
    from lepton_nb.magics import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where Jupyter Server finds its extension."""
    return [{"module": "lepton_nb.lab"}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where Jupyter finds the built extension in a source tree, for `jupyter-builder develop`."""
    return [{"src": "labextension", "dest": "lepton-nb"}]
