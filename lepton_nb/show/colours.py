"""How the state of anything looks: a few kinds, each with a colour that reads on white and on black alike."""

from __future__ import annotations

from typing import Literal

Kind = Literal["live", "waiting", "queued", "good", "off", "bad"]

COLOURS: dict[Kind, str] = {
    "live": "#2f81f7",
    "waiting": "#b7791f",
    "queued": "#8b6fd6",
    "good": "#2b9348",
    "off": "inherit",  # the page's own
    "bad": "#e5484d",
}
