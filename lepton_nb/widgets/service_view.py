"""A service in the notebook: a card that stays, and a live panel below it while the service runs."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from IPython.display import display

from lepton_nb.deployment import Deployment
from lepton_nb.deployment.card import curl_line
from lepton_nb.show.html import quiet
from lepton_nb.widgets.deployment_panel import DeploymentPanel, look

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class ServiceView:
    """The card and the panel of one service.

    The card is plain HTML, which a saved notebook shows without a kernel. The panel needs the kernel; it is
    replaced by a line when the service stops, or is deployed again elsewhere in the notebook.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._card = display(deployment, display_id=True)  # type: ignore[no-untyped-call]
        self._panel: DeploymentPanel | None = DeploymentPanel(deployment, self.stop)
        self._place = display(self._panel, display_id=True)  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Stop the service and settle its view."""
        self.look()
        self.deployment.stop()
        self.settle()

    def look(self) -> None:
        """Read the service's figures, the last time before it stops."""
        if self._panel is not None:
            self._panel.seen = look(self.deployment)

    def settle(self) -> None:
        """Replace card and panel by a line each, with the last figures."""
        if self._panel is None:
            return
        self._card.update(_stopped_card(self.deployment), raw=True)
        again = f"%lepton deploy {self.deployment.name} starts it again under the same name and token."
        self._place.update(_line(f"{last_figures(self._panel.seen)} {again}"), raw=True)
        self._close()

    def give_way(self) -> None:
        """Keep the card, and replace the panel, which goes on below a newer cell."""
        if self._panel is None:
            return
        self._card.update(self.deployment)
        self._place.update(_line("Its panel is below a newer cell."), raw=True)
        self._close()

    def _close(self) -> None:
        assert self._panel is not None
        self._panel.close()
        self._panel = None


def show_service(deployment: Deployment, shell: InteractiveShell) -> ServiceView | None:
    """Show a service: card and panel in a kernel, its text elsewhere."""
    if hasattr(shell, "kernel"):
        return ServiceView(deployment)
    display(deployment)  # type: ignore[no-untyped-call]
    return None


def _line(text: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": quiet(text)}


def _stopped_card(deployment: Deployment) -> dict[str, str]:
    """Where the service was and how it was asked, as a record in the notebook."""
    name, url, curl = deployment.name, deployment.url, curl_line(deployment)
    html = (
        f"<strong>{escape(name)}</strong> was stopped; it was at {escape(url)}"
        f'<pre style="margin: 6px 0; font-size: 12px; opacity: 0.7">{escape(curl)}</pre>'
    )
    return {"text/plain": f"{name} was stopped; it was at {url}\n{curl}", "text/html": html}


def last_figures(seen: dict[str, Any]) -> str:
    """Requests and latency in one line."""
    requests = int(seen.get("requests", 0))
    if not requests:
        return "It answered no requests."
    words = "1 request" if requests == 1 else f"{requests:,} requests"
    errors = f", {seen['errors']:,} with an error" if seen.get("errors") else ""
    median = (seen.get("latency_ms") or {}).get("p50")
    speed = f", in {median:.1f} ms at the median" if median is not None else ""
    return f"It answered {words}{errors}{speed}."
