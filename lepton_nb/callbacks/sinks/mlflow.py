"""MLflow: the run as a run of an experiment, in a tracking server or a local store."""

from __future__ import annotations

import time
from typing import Any

from lepton_nb.callbacks.base import LogRow
from lepton_nb.callbacks.sinks.base import End, Sink
from lepton_nb.runs import Run

_EXPERIMENT = "lepton_nb"
_MOST = 1000  # metrics in one request, the server's own limit
_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
_RECORD = "mlflow.json"


class MlflowSink(Sink):
    """Logs metrics in batches through a client of its own, so that the notebook's active run is left alone.

    The place is a tracking URI; ``MLFLOW_TRACKING_URI`` or MLflow's default otherwise. A run is one run of
    the experiment ``lepton_nb``, also when it is resumed.
    """

    def open(self, run: Run, from_step: int) -> None:
        from mlflow import MlflowClient

        self._client: Any = MlflowClient(tracking_uri=self.place)
        known: dict[str, str] = run.read_json(_RECORD, {})
        if from_step and known:
            self._id = known["run_id"]
            self._client.update_run(self._id, status="RUNNING")
            return
        experiment = self._client.get_experiment_by_name(_EXPERIMENT)
        number = experiment.experiment_id if experiment else self._client.create_experiment(_EXPERIMENT)
        tags = {"model": run.model, "data": run.data, "task": run.task, "lepton_run": run.id, **run.tags}
        self._id = self._client.create_run(number, run_name=run.ref, tags=tags).info.run_id
        run.write_json(_RECORD, {"run_id": self._id})
        from mlflow.entities import Param

        params = [Param(name, str(value)) for name, value in run.params.items()]
        self._client.log_batch(self._id, params=params)

    def write(self, rows: list[LogRow]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, step) for step, _, values in rows for name, value in values.items()
        ]
        for start in range(0, len(metrics), _MOST):
            self._client.log_batch(self._id, metrics=metrics[start : start + _MOST])

    def close(self, end: End) -> None:
        self._client.set_terminated(self._id, _STATUS[end])
