"""What can be named without a variable: built-in data, starter and torchvision models, runs, services.

Tab reads these lists too, so nothing here imports torch.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lepton_nb.errors import LeptonError

# What Tab offers before torchvision is loaded; any name of torchvision works.
_COMMON_MODELS = (
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_resnet50_fpn",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "resnet34",
    "resnet50",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "ssdlite320_mobilenet_v3_large",
    "swin_t",
    "vgg11_bn",
    "vit_b_16",
)


LIBRARIES = ("hf:", "timm:")
"""What a name of another library's model begins with."""


def builtin_data() -> list[str]:
    """Names of the data that come along."""
    from lepton_nb.data.sources import sources

    return [source.name for source in sources().values() if source.comes_along]


def task_names() -> list[str]:
    """Names of the tasks."""
    from lepton_nb import tasks

    return tasks.task_names()


def model_names() -> list[str]:
    """Names of starter models of every task and of torchvision's."""
    from lepton_nb.tasks import get_task

    starters = {name for task in task_names() for name in get_task(task).starters()}
    return sorted(starters) + torchvision_models()


def torchvision_models() -> list[str]:
    """torchvision's classifiers and detectors; the common ones where torchvision is not loaded."""
    models = sys.modules.get("torchvision.models")
    if models is None:
        return list(_COMMON_MODELS)
    from lepton_nb.models.libraries.detectors import detector_names

    return [str(name) for name in models.list_models(module=models)] + detector_names()


def library_models(typed: str) -> list[str]:
    """Names of other libraries' models: folders behind ``hf:``, and timm's where timm is loaded."""
    if typed.startswith("hf:"):
        return [f"hf:{path}" for path in paths(typed.removeprefix("hf:"))]
    timm = sys.modules.get("timm")
    if typed.startswith("timm:") and timm is not None:
        return [f"timm:{name}" for name in timm.list_models()]
    return list(LIBRARIES)


def run_names() -> list[str]:
    """Names of the runs in the store, newest first; none where it cannot be read."""
    from lepton_nb.runs import RunStore

    try:
        return list(RunStore().run_names())
    except (LeptonError, OSError):
        return []


def deployment_names() -> list[str]:
    """Names of the services in the store; none where it cannot be read."""
    from lepton_nb.runs import RunStore

    try:
        return [record.name for record in RunStore().list_deployments()]
    except (LeptonError, OSError):
        return []


def is_path(text: str) -> bool:
    """Whether `text` names a file or folder that exists."""
    try:
        return Path(text).expanduser().exists()
    except OSError:
        return False


def paths(prefix: str) -> list[str]:
    """Files and folders that begin with `prefix`; folders end in a slash."""
    folder, _, start = prefix.rpartition("/")
    root = Path(folder + "/" if "/" in prefix else ".").expanduser()
    head = f"{folder}/" if "/" in prefix else ""
    try:
        with os.scandir(root) as entries:
            return sorted(
                f"{head}{entry.name}{'/' if entry.is_dir() else ''}"
                for entry in entries
                if entry.name.startswith(start) and entry.name.startswith(".") <= start.startswith(".")
            )
    except OSError:
        return []
