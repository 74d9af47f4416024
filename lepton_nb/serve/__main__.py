"""`python -m lepton_nb.serve`: the front process of a service."""

from __future__ import annotations

import argparse
import dataclasses
import os
import secrets
import sys
from pathlib import Path

from lepton_nb.processes.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    log = options.state_dir / "service.log" if options.state_dir is not None else None
    try:
        if options.wait:
            from lepton_nb.serve.server import serve_when_told

            return serve_when_told(lambda: _settings(options), options.fd, log)
        settings = _settings(options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from lepton_nb.serve.server import serve

    return serve(settings, options.fd, log)


def _settings(options: argparse.Namespace) -> Settings:
    if options.state_dir is not None:
        settings = Settings.read(options.state_dir / "service.json")
        if not settings.token and settings.host not in _LOOPBACK:
            raise ValueError(f"binding {settings.host} opens the service to others, and there is no token")
        return settings
    token = os.environ.get("LEPTON_TOKEN", "")
    if not token:
        if options.host not in _LOOPBACK:
            raise ValueError(
                f"binding {options.host} opens the service to others: set LEPTON_TOKEN to a secret first"
            )
        token = secrets.token_urlsafe(24)
        print(f"token: {token}", file=sys.stderr)
    settings = Settings(
        name=options.name or options.package.resolve().name,
        package=str(options.package),
        host=options.host,
        port=options.port,
        grpc_port=options.grpc_port,
        token=token,
        allowed_hosts=tuple(options.allow_host),
        origins=tuple(options.allow_origin),
        open_metrics=options.open_metrics,
        trusted=options.trust,
    )
    names = ("format", "device", "threads", "time_limit", "max_body", "max_batch")
    given = {name: getattr(options, name) for name in names}
    return dataclasses.replace(
        settings, **{name: value for name, value in given.items() if value is not None}
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lepton_nb.serve",
        description="Serve a package over HTTP. The token of the clients is read from LEPTON_TOKEN.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--state-dir", type=Path, help="folder with service.json, as lepton_nb.deploy makes it"
    )
    source.add_argument("--package", type=Path, help="folder of a package, as lepton_nb.export makes it")
    parser.add_argument("--name", help="name of the service; the folder's by default")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to bind, 0 for a free one (%(default)s)")
    parser.add_argument(
        "--grpc-port", type=int, default=-1, metavar="PORT", help="also serve gRPC there, 0 for a free port"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="further name clients may use; * is any",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="web page that may ask from a browser; * is any",
    )
    parser.add_argument(
        "--open-metrics", action="store_true", help="let everybody read /metrics, without the token"
    )
    parser.add_argument("--trust", action="store_true", help="run code the package brings (pt2, source)")
    parser.add_argument(
        "--format", choices=["onnx", "pt2", "source"], help="the package's preferred by default"
    )
    parser.add_argument("--device", help="torch device for pt2 and source (cpu)")
    parser.add_argument("--threads", type=int, help="threads of one operator (one per core)")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help="seconds a request may take (30)")
    parser.add_argument("--max-body", type=int, metavar="BYTES", help="largest body of a request (33554432)")
    parser.add_argument("--max-batch", type=int, metavar="N", help="requests answered together at most (64)")
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)  # a socket that already listens
    # Import now, serve after a byte on standard input: the package is still being made.
    parser.add_argument("--wait", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
