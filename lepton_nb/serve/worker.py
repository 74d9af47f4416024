"""The worker process: `python -m lepton_nb.serve.worker`. Loads one package and answers batches until told
to stop, or until the front is gone. Spawned by the front; nothing else talks to it."""

from __future__ import annotations

import argparse
import gc
import socket
import sys
from typing import Any

import orjson

from lepton_nb.errors import LeptonError
from lepton_nb.packaging import Package
from lepton_nb.serve.backend import load_backend
from lepton_nb.serve.child import tie_to_the_front
from lepton_nb.serve.frames import Dialect, Kind, pack, pack_result, read_frame, unpack_batch
from lepton_nb.serve.infer import InferWire
from lepton_nb.serve.memory import limit_growth
from lepton_nb.serve.predictor import Predictor
from lepton_nb.serve.tensors import describe_tensors
from lepton_nb.serve.tracebacks import print_error
from lepton_nb.serve.wires import PredictWire, Wire
from lepton_nb.tasks import get_task


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    tie_to_the_front()
    connection = socket.socket(fileno=options.fd)
    try:
        predictor, description = load(options)
    except Exception as error:
        if not isinstance(error, LeptonError):
            print_error(error)
        message = error.message if isinstance(error, LeptonError) else f"{type(error).__name__}: {error}"
        connection.sendall(pack(Kind.FAILED, orjson.dumps({"error": message})))
        return 1
    if options.memory_limit and options.device == "cpu":  # drivers map more than they use
        limit_growth(options.memory_limit)
    gc.collect()
    gc.freeze()  # what was loaded stays: no need to look at it again in every collection
    connection.sendall(pack(Kind.READY, orjson.dumps(description, option=orjson.OPT_SERIALIZE_NUMPY)))
    while (frame := read_frame(connection)) is not None:
        _, payload = frame
        connection.sendall(pack_result(predictor.answer(unpack_batch(payload))))
    return 0


def load(options: argparse.Namespace) -> tuple[Predictor, dict[str, Any]]:
    """Open the package, load the model and check its answers.

    Returns:
        What answers requests, and what the front needs to know to describe it.

    Raises:
        PackageError: If the package is damaged, may not be run, or answers unlike the notebook's model.
    """
    package = Package.load(options.package, lazily=True)
    backend = load_backend(package, options.format, options.device, options.threads, trusted=options.trusted)
    codec = get_task(package.signature.task).codec(package.signature)
    wires: dict[int, Wire] = {
        Dialect.PREDICT: PredictWire(codec, options.version),
        Dialect.INFER: InferWire(codec, options.name, options.version),
    }
    if options.grpc:
        from lepton_nb.serve.grpc_wire import GrpcWire

        wires[Dialect.GRPC] = GrpcWire(codec, options.name, options.version)
    predictor = Predictor(
        wires,
        backend.runner,
        batchable=package.manifest.batchable,
        max_items=options.max_items,
        max_body=options.max_body,
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
        "kind": codec.kind,
        "media_types": codec.media_types,
        "request_schema": codec.request_schema(),
        "answer_schema": codec.answer_schema(),
        "example": codec.example(),
        "tensors": describe_tensors(package.signature),
        "class_names": package.signature.class_names,
    }
    return predictor, description


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lepton_nb.serve.worker")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--package", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", type=int, required=True)
    parser.add_argument("--format", default="")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--max-items", type=int, default=256)
    parser.add_argument("--max-body", type=int, required=True)
    parser.add_argument("--memory-limit", type=int, default=0)
    parser.add_argument("--trusted", action="store_true")
    parser.add_argument("--grpc", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
