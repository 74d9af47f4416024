"""What a client wants to get, as its ``Accept`` header says it."""

from __future__ import annotations

from collections.abc import Sequence

JSON = "application/json"
EVENTS = "text/event-stream"
LINES = "application/x-ndjson"
PLAIN = (b"", b"*/*", b"application/json")
"""Headers that ask for JSON, as nearly all do."""


def preferred(accept: bytes, offers: Sequence[str]) -> str:
    """The offer that a header ranks highest, of equals the one it names first; JSON where it names none."""
    best, most = JSON, 0.0
    for part in accept.decode("latin-1").lower().split(","):
        media_type, *parameters = (word.strip() for word in part.split(";"))
        quality = _quality(parameters)
        named = next((offer for offer in offers if media_type in (offer, _any_of(offer))), None)
        if named is not None and quality > most:
            best, most = named, quality
    return best


def _any_of(offer: str) -> str:
    return f"{offer.partition('/')[0]}/*"


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
