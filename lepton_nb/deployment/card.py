"""How services look in a notebook, in light and in dark. Tokens are never shown."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

from lepton_nb.deployment.client import codec_of
from lepton_nb.deployment.examples import curl_options
from lepton_nb.errors import LeptonError

if TYPE_CHECKING:
    from lepton_nb.deployment.service import Deployment

MIME = "application/vnd.lepton.service+json"

# Readable on white and on black alike; everything else takes the page's own colour.
_COLOURS = {"ready": "#2b9348", "starting": "#2f81f7", "recovering": "#b7791f", "draining": "#b7791f"}
_BAD = "#e5484d"
_CHANGED = "#b7791f"


def card(deployment: Deployment) -> str:
    """One service: its state, where it is, and how to ask it."""
    status = deployment.status()
    stats = _stats(deployment) if status not in ("gone", "unreachable") else {}
    url = html.escape(deployment.url)
    rows = {
        "URL": f'<a href="{url}/" target="_blank" rel="noopener">{url}</a>',
        "docs": f'<a href="{url}/docs" target="_blank" rel="noopener">{url}/docs</a>',
        "version": html.escape(_version(deployment)),
        "changed since": _amber("; ".join(deployment.changed())),
        "model": html.escape(_model(stats)),
        "token": f"<code>{html.escape(_variable(deployment))}.token</code>",
        "lifetime": _lifetime(deployment),
    }
    error = stats.get("error")
    if error:
        rows["problem"] = html.escape(str(error))
    cells = "".join(
        f'<span style="opacity:.65">{name}</span><span>{value}</span>'
        for name, value in rows.items()
        if value
    )
    return (
        '<div style="display:inline-block;max-width:100%;color:inherit;border:1px solid rgba(128,128,128,.4);'
        'border-radius:6px;padding:8px 14px;font-size:13px;line-height:1.5">'
        f"<div><b>{html.escape(deployment.name)}</b> &nbsp;{_status(status)}</div>"
        f'<div style="display:grid;grid-template-columns:auto 1fr;gap:0 14px;margin-top:4px">{cells}</div>'
        '<pre style="margin:8px 0 0;padding:6px 10px;border-radius:4px;background:rgba(128,128,128,.12);'
        f'color:inherit;font-size:12px;overflow-x:auto">{html.escape(curl_line(deployment))}</pre></div>'
    )


def card_bundle(deployment: Deployment) -> dict[str, Any]:
    """What the lab draws of the card: the service as it is then, and its page through Jupyter's own login."""
    return {
        "version": 1,
        "name": deployment.name,
        "url": deployment.url,
        "curl": curl_line(deployment),
    }


def curl_line(deployment: Deployment) -> str:
    """A line for a terminal that asks the service; the token stands in a variable, not in the line."""
    head = f'curl {deployment.url}/predict -H "Authorization: Bearer $TOKEN"'
    try:
        record = deployment.store.get_package(deployment.record.package, deployment.record.version)
        codec = codec_of(record.path)
    except (LeptonError, OSError):
        return head
    return f"{head} {curl_options(codec)}"


class DeploymentTable(Sequence["Deployment"]):
    """A list of services that shows itself as a table."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._items = list(deployments)

    @overload
    def __getitem__(self, index: int) -> Deployment: ...
    @overload
    def __getitem__(self, index: slice) -> DeploymentTable: ...
    def __getitem__(self, index: int | slice) -> Deployment | DeploymentTable:
        return DeploymentTable(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        if not self._items:
            return "No services."
        rows = [["service", "state", "version", "URL", "lifetime"]]
        rows += [[i.name, i.status(), _version(i), i.url, i.record.lifetime] for i in self._items]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        if not self._items:
            return "<i>No services.</i>"
        style = "text-align:left;padding:3px 12px 3px 0;border-bottom:1px solid rgba(128,128,128,.3)"
        names = ("service", "state", "version", "URL", "lifetime")
        head = "".join(f'<th style="{style};opacity:.65;font-weight:normal">{name}</th>' for name in names)
        body = "".join(
            "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for cell in _cells(item)) + "</tr>"
            for item in self._items
        )
        return (
            '<table style="color:inherit;background:transparent;border-collapse:collapse;font-size:13px">'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _cells(item: Deployment) -> list[str]:
    url = html.escape(item.url)
    return [
        f"<b>{html.escape(item.name)}</b>",
        _status(item.status()),
        html.escape(_version(item)) + _badge(item.changed()),
        f'<a href="{url}/" target="_blank" rel="noopener">{url}</a>',
        item.record.lifetime,
    ]


def _status(status: str) -> str:
    return f'<span style="color:{_COLOURS.get(status, _BAD)}">● {status}</span>'


def _badge(changed: list[str]) -> str:
    """Says that the notebook has moved on, where it has; the reasons when pointed at."""
    return (
        f' &nbsp;<span title="{html.escape("; ".join(changed))}">{_amber("● changed since")}</span>'
        if changed
        else ""
    )


def _amber(text: str) -> str:
    return f'<span style="color:{_CHANGED}">{html.escape(text)}</span>' if text else ""


def _version(deployment: Deployment) -> str:
    package = deployment.record.package
    of = "" if package == deployment.name else f" of {package}"
    return f"{deployment.version}{of}"


def _model(stats: dict[str, Any]) -> str:
    if not stats.get("model"):
        return ""
    source = " (runs source)" if stats["format"] == "source" else ""
    return f"{stats['model']} of {stats['run']}, {stats['format']}{source} on {stats['device']}"


def _lifetime(deployment: Deployment) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(deployment.record.created_at))
    if deployment.record.lifetime == "kernel":
        return f"since {since}, ends with this kernel"
    return f"since {since}, until %lepton stop {html.escape(deployment.name)}"


def _variable(deployment: Deployment) -> str:
    return f'get_deployment("{deployment.name}")'


def _stats(deployment: Deployment) -> dict[str, Any]:
    try:
        return deployment.stats()
    except LeptonError:
        return {}
