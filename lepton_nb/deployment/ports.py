"""The listening socket, bound before the service starts, so that no port is guessed or raced for."""

from __future__ import annotations

import errno
import socket

import psutil

from lepton_nb.errors import DeploymentError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_EVERY = {"0.0.0.0", "::"}


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one.

    Raises:
        DeploymentError: If the port is taken, naming the process that has it, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Linux lets two sockets bind one port until one of them listens.
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise _explain(error, host, port) from None
    return listener


def port_owner(port: int) -> str:
    """The process that listens on a port, for people; empty where it cannot be told."""
    try:
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN
            if listening and connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def reachable_host(host: str) -> str:
    """The name by which this machine reaches a service bound to `host`."""
    if host in _EVERY:
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"
    return f"[{host}]" if ":" in host else host


def own_names(host: str) -> list[str]:
    """The names under which others may reach a service bound to `host`: what its Host header may say."""
    if host in _LOOPBACK:
        return []
    if host not in _EVERY:
        return [host]
    names = {socket.gethostname(), socket.getfqdn()}
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET:
                names.add(address.address)
            elif address.family == socket.AF_INET6:
                names.add(f"[{address.address.partition('%')[0]}]")
    return sorted(names)


def _explain(error: Exception, host: str, port: int) -> DeploymentError:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        owner = port_owner(port) or "another process"
        return DeploymentError(
            f"Port {port} is taken by {owner}.", "Leave --port out to take a free one, or name another."
        )
    if code == errno.EACCES:
        return DeploymentError(f"Port {port} is reserved for the system.", "Take one from 1024 to 65535.")
    if isinstance(error, OverflowError):
        return DeploymentError(f"{port} is not a port.", "Take one from 1024 to 65535.")
    return DeploymentError(
        f"The service cannot listen on {host}: {getattr(error, 'strerror', None) or error}.",
        "Leave --host out for this machine alone, or take 0.0.0.0 for every address it has.",
    )
