"""The Jupyter Server extension: runs, packages, services and data for JupyterLab, without a kernel.

It reads the run store of the server's own user. ``README.md`` beside this file documents every route.
Nothing here imports torch; what needs it runs in a process of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _load_jupyter_server_extension(app: ServerApp) -> None:
    """Add the handlers: what Jupyter Server calls for an enabled extension."""
    from lepton_nb.lab.routes import add_handlers

    add_handlers(app.web_app)
    app.log.info("Lepton Notebook is at %slepton/", app.web_app.settings["base_url"])
