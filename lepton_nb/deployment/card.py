"""How services look in a notebook, in light and in dark. Tokens are never shown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

from lepton_nb.deployment.client import codec_of
from lepton_nb.deployment.examples import curl_options
from lepton_nb.errors import LeptonError
from lepton_nb.show.colours import COLOURS, Kind
from lepton_nb.show.html import Markup, bold, code, coloured, element, joined, table
from lepton_nb.show.html import card as card_of
from lepton_nb.show.words import columns

if TYPE_CHECKING:
    from lepton_nb.deployment.service import Deployment

MIME = "application/vnd.lepton.service+json"
_HEADINGS = ("service", "state", "version", "URL", "lifetime")
_KINDS: dict[str, Kind] = {
    "ready": "good",
    "starting": "live",
    "recovering": "waiting",
    "draining": "waiting",
}
_LINE = (
    "margin:8px 0 0;padding:6px 10px;border-radius:4px;background:rgba(128,128,128,.12);"
    "color:inherit;font-size:12px;overflow-x:auto"
)


def card(deployment: Deployment) -> str:
    """One service: its state, where it is, and how to ask it."""
    status = deployment.status()
    stats = _stats(deployment) if status not in ("gone", "unreachable") else {}
    facts = {
        "URL": _link(f"{deployment.url}/", deployment.url),
        "docs": _link(f"{deployment.url}/docs"),
        "version": _version(deployment),
        "changed since": _amber("; ".join(deployment.changed())),
        "model": _model(stats),
        "token": code(f"{_variable(deployment)}.token"),
        "lifetime": _lifetime(deployment),
        "problem": str(stats.get("error") or ""),
    }
    return card_of(
        joined([bold(deployment.name), _status(status)], " "),
        facts,
        element("pre", curl_line(deployment), _LINE),
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
        rows = [[i.name, i.status(), _version(i), i.url, i.record.lifetime] for i in self._items]
        return "\n".join(columns([_HEADINGS, *rows]))

    def _repr_html_(self) -> str:
        if not self._items:
            return "<i>No services.</i>"
        return table(_HEADINGS, map(_cells, self._items))


def _cells(item: Deployment) -> list[Any]:
    return [
        bold(item.name),
        _status(item.status()),
        joined([_version(item), _badge(item.changed())], " "),
        _link(f"{item.url}/", item.url),
        item.record.lifetime,
    ]


def _status(status: str) -> Markup:
    return coloured(f"● {status}", COLOURS[_KINDS.get(status, "bad")])


def _badge(changed: list[str]) -> Markup:
    """Says that the notebook has moved on, where it has; the reasons when pointed at."""
    reasons = escape("; ".join(changed))
    return Markup(f'<span title="{reasons}">{_amber("● changed since")}</span>' if changed else "")


def _amber(text: str) -> Markup:
    return coloured(text, COLOURS["waiting"]) if text else Markup()


def _link(url: str, text: str = "") -> Markup:
    return Markup(f'<a href="{escape(url)}" target="_blank" rel="noopener">{escape(text or url)}</a>')


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
    return f"since {since}, until %lepton stop {deployment.name}"


def _variable(deployment: Deployment) -> str:
    return f'get_deployment("{deployment.name}")'


def _stats(deployment: Deployment) -> dict[str, Any]:
    try:
        return deployment.stats()
    except LeptonError:
        return {}
