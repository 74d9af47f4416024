"""The Open Inference Protocol (v2) over gRPC as the front speaks it, on a port of its own.

Requests for answers go to the worker as they came, through the same queue as those over HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import orjson

from lepton_nb import __version__
from lepton_nb.serve.batches import Dialect, Request
from lepton_nb.serve.http.auth import Gate
from lepton_nb.serve.service import Service
from lepton_nb.serve.v2.rest import EXTENSIONS, model_metadata, wrong_model
from lepton_nb.serve.wires.grpc_messages import MESSAGES, SERVICE

log = logging.getLogger("lepton_nb.serve")

Context = Any  # grpc.aio.ServicerContext, which has no types of its own

_MARGIN = 64 << 10  # what a message may have beside its tensors
_OPEN = {"ServerLive", "ServerReady"}
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class _Refused(Exception):  # noqa: N818  # it is an answer, not a failure
    def __init__(self, status: int, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class GrpcService:
    """`GRPCInferenceService` of one service.

    Attributes:
        port: The port it listens on.

    Raises:
        OSError: If it cannot listen there.
    """

    def __init__(self, service: Service, gate: Gate, host: str, port: int) -> None:
        self.service = service
        self.gate = gate
        limit = service.settings.max_body + _MARGIN
        options = [("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", -1)]
        self._server = grpc.aio.server(options=[*options, ("grpc.so_reuseport", 0)])
        methods = {name: self._handler(name) for name in _METHODS}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port: int = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(str(error)) from None

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, patience: float) -> None:
        """Take nothing more, and give what runs `patience` seconds."""
        await self._server.stop(patience)

    def _handler(self, name: str) -> Any:
        answer = _METHODS[name]

        async def handle(body: bytes, context: Context) -> bytes:
            started = time.perf_counter()
            status, code = 200, grpc.StatusCode.OK
            try:
                if name not in _OPEN:
                    self._check_token(context)
                return await answer(self, body, context)
            except _Refused as refused:
                status = refused.status
                code = _CODES.get(status, grpc.StatusCode.INTERNAL)
                if refused.retry_after:
                    context.set_trailing_metadata((("retry-after", str(refused.retry_after)),))
                context.set_code(code)
                context.set_details(str(refused))
            except asyncio.CancelledError:
                status, code = 499, grpc.StatusCode.CANCELLED
                raise
            except Exception:
                log.exception("answering %s failed", name)
                status, code = 500, grpc.StatusCode.INTERNAL
                context.set_code(code)
                context.set_details("the service failed; its log says how")
            finally:
                self.service.metrics.observe_grpc(
                    SERVICE, name, status, code.name, time.perf_counter() - started
                )
            return b""

        return grpc.unary_unary_rpc_method_handler(handle)  # bytes in, bytes out: no (de)serializer

    def _check_token(self, context: Context) -> None:
        given = dict(context.invocation_metadata()).get("authorization", "")
        refusal = self.gate.check_client(given.encode() if isinstance(given, str) else given)
        if refusal is not None:
            raise _Refused(*refusal)

    async def _live(self, _: bytes, __: Context) -> bytes:
        return _message("ServerLiveResponse", live=True)

    async def _ready(self, _: bytes, __: Context) -> bytes:
        return _message("ServerReadyResponse", ready=self.service.state == "ready")

    async def _model_ready(self, body: bytes, _: Context) -> bytes:
        self._check_model(_parse("ModelReadyRequest", body))
        return _message("ModelReadyResponse", ready=self.service.state == "ready")

    async def _server_metadata(self, _: bytes, __: Context) -> bytes:
        return _message(
            "ServerMetadataResponse", name="lepton_nb", version=__version__, extensions=EXTENSIONS
        )

    async def _model_metadata(self, body: bytes, _: Context) -> bytes:
        self._check_model(_parse("ModelMetadataRequest", body))
        return _message("ModelMetadataResponse", **model_metadata(self.service))

    async def _infer(self, body: bytes, context: Context) -> bytes:
        reason = self.service.refusal(len(body))
        if reason:
            raise _Refused(503, reason, self.service.retry_after())
        batcher = self.service.batcher
        with batcher.holding(len(body)):
            answer = await batcher.submit(Request(b"", body, Dialect.GRPC), context.cancelled)
        if answer.status == 200:
            return answer.body
        retry_after = self.service.retry_after() if answer.status == 503 else 0
        raise _Refused(answer.status, orjson.loads(answer.body)["error"], retry_after)

    def _check_model(self, message: Any) -> None:
        refusal = wrong_model(self.service, message.name, message.version or None)
        if refusal is not None:
            raise _Refused(*refusal)


_METHODS: dict[str, Callable[[GrpcService, bytes, Context], Awaitable[bytes]]] = {
    "ServerLive": GrpcService._live,
    "ServerReady": GrpcService._ready,
    "ModelReady": GrpcService._model_ready,
    "ServerMetadata": GrpcService._server_metadata,
    "ModelMetadata": GrpcService._model_metadata,
    "ModelInfer": GrpcService._infer,
}


def _parse(name: str, body: bytes) -> Any:
    try:
        return MESSAGES[name].FromString(body)
    except Exception:  # protobuf's C and Python parsers raise different things
        raise _Refused(400, f"the message is no {name}") from None


def _message(kind: str, /, **fields: Any) -> bytes:
    serialized: bytes = MESSAGES[kind](**fields).SerializeToString()
    return serialized
