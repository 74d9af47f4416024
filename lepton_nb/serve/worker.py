"""The worker process: `python -m lepton_nb.serve.worker`. Loads the package it is told to and answers batches
until told to stop, or until the front is gone. Spawned by the front; nothing else talks to it."""

from __future__ import annotations

import argparse
import gc
import select
import socket
import sys
from typing import Any

import orjson

from lepton_nb.errors import LeptonError
from lepton_nb.packaging import Package
from lepton_nb.processes.channel import Kind, read_frame, send_frame
from lepton_nb.processes.child import tie_to_the_front
from lepton_nb.processes.memory import limit_growth
from lepton_nb.processes.settings import Settings
from lepton_nb.serve.backend import load_backend
from lepton_nb.serve.batches import Dialect, pack_result, unpack_batch
from lepton_nb.serve.predictor import Predictor
from lepton_nb.serve.streaming import Streams
from lepton_nb.serve.tracebacks import print_error
from lepton_nb.serve.wires.base import PredictWire, StreamWire, Wire
from lepton_nb.serve.wires.infer import InferWire
from lepton_nb.serve.wires.tensors import describe_tensors
from lepton_nb.tasks.bodies import media_type_of


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lepton_nb.serve.worker")
    parser.add_argument("--fd", type=int, required=True)
    options = parser.parse_args(arguments)
    tie_to_the_front()
    connection = socket.socket(fileno=options.fd)
    told = _wait_for_settings(connection)
    if told is None:
        return 0
    settings = Settings.from_dict(orjson.loads(told))
    try:
        predictor, description = load(settings)
    except Exception as error:
        if not isinstance(error, LeptonError):
            print_error(error)
        message = error.message if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"
        send_frame(connection, Kind.FAILED, orjson.dumps({"error": message}))
        return 1
    if settings.memory_limit and settings.device == "cpu":  # drivers map more than they use
        limit_growth(settings.memory_limit)
    gc.collect()
    gc.freeze()  # what was loaded stays: no need to look at it again in every collection
    send_frame(connection, Kind.READY, orjson.dumps(description, option=orjson.OPT_SERIALIZE_NUMPY))
    streams = Streams(predictor, connection)
    while (frame := read_frame(connection)) is not None:
        kind, number, payload = frame
        if kind is Kind.BATCH:
            send_frame(connection, Kind.RESULT, pack_result(predictor.answer(unpack_batch(payload))))
        elif kind is Kind.STREAM:
            streams.begin(number, unpack_batch(payload)[0])
        elif kind is Kind.STOP:
            streams.stop(number)
        streams.advance()
    return 0


def _wait_for_settings(connection: socket.socket) -> memoryview | None:
    """What to serve; None where the front has closed."""
    told, _, _ = select.select([connection], [], [], 0)
    if not told:  # started before there is a package: do meanwhile what most will need
        import onnxruntime  # noqa: F401
    frame = read_frame(connection)
    return None if frame is None else frame[2]


def load(settings: Settings) -> tuple[Predictor, dict[str, Any]]:
    """Open the package, load the model and check its answers.

    Returns:
        What answers requests, and what the front needs to know to describe it.

    Raises:
        PackageError: If the package is damaged, may not be run, or answers unlike the notebook's model.
    """
    package = Package.load(settings.package, lazily=True)
    backend = load_backend(
        package, settings.format, settings.device, settings.threads, trusted=settings.trusted
    )
    codec = backend.codec
    wires: dict[int, Wire] = {
        Dialect.PREDICT: PredictWire(codec, settings.version),
        Dialect.STREAM: StreamWire(codec, settings.version),
        Dialect.INFER: InferWire(codec, settings.name, settings.version),
    }
    if settings.grpc_port >= 0:
        from lepton_nb.serve.wires.grpc import GrpcWire

        wires[Dialect.GRPC] = GrpcWire(codec, settings.name, settings.version)
    predictor = Predictor(
        wires,
        codec,
        backend.graphs,
        batchable=package.manifest.batchable,
        max_items=settings.max_items,
        max_body=settings.max_body,
    )
    manifest = package.manifest
    description = {
        "format": backend.format,
        "device": backend.device,
        "parity": backend.parity.to_dict(),
        "sha256": package.sha256,
        "model": manifest.model,
        "run": manifest.run,
        "task": manifest.task,
        "form": codec.about(),
        "request_schema": codec.request_schema(),
        "answer_schema": codec.answer_schema(),
        "media": media_type_of(codec.answer_schema()),
        "example": codec.example(),
        "tensors": describe_tensors(package.signature),
        "class_names": package.signature.class_names,
    }
    return predictor, description


if __name__ == "__main__":
    sys.exit(main())
