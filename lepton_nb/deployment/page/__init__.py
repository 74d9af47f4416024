"""A model as one HTML file that answers in the browser, offline: for who has nothing installed.

It knows the try-it page of the service, whose requests it answers in the page itself, and what a codec's
inputs and answers are in JavaScript. It knows neither the service nor its processes.
"""

from __future__ import annotations

from lepton_nb.deployment.page.writing import export_page

__all__ = ["export_page"]
