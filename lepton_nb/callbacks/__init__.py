"""What the loop calls between steps and epochs. Subclass `Callback` and override the hooks you need."""

from lepton_nb.callbacks.base import Callback, LogRow, callback_states, restore_callbacks
from lepton_nb.callbacks.checkpointing import Checkpointing
from lepton_nb.callbacks.early_stopping import EarlyStopping
from lepton_nb.callbacks.freezing import Freezing
from lepton_nb.callbacks.hardware import HardwareSampler
from lepton_nb.callbacks.history import HistoryWriter
from lepton_nb.callbacks.run_log import RunLog
from lepton_nb.callbacks.state import Control, TrainState
from lepton_nb.callbacks.user import as_callbacks

__all__ = [
    "Callback",
    "Checkpointing",
    "Control",
    "EarlyStopping",
    "Freezing",
    "HardwareSampler",
    "HistoryWriter",
    "LogRow",
    "RunLog",
    "TrainState",
    "as_callbacks",
    "callback_states",
    "restore_callbacks",
]
