"""What lies on the Hugging Face hub: in its local cache, else downloaded, else a line that says how."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from lepton_nb.errors import ModelError

_PATIENCE = 5  # seconds to wait for an answer before taking this machine to be offline


def reach(where: str, then: str, *, cached: bool) -> dict[str, Any]:
    """How to ask for what lies on the hub: options of ``from_pretrained``.

    Args:
        where: What is asked for, as the hub calls it.
        then: The line to write once the files lie here.
        cached: Whether they are in the local cache, which is enough where there is no network.

    Raises:
        ModelError: If it can neither be found nor downloaded.
    """
    reason = why_offline()
    if reason is None:
        return {}
    if cached:
        return {"local_files_only": True}
    raise not_at_hand(where, then, reason)


def not_at_hand(where: str, then: str, reason: str) -> ModelError:
    """What cannot be downloaded, with the line that gets it."""
    return ModelError(
        f"{where} is not in the local cache and cannot be downloaded: {reason}.",
        f"Where there is a network: hf download {where} --local-dir FOLDER; copy FOLDER here, then {then}",
    )


def why_offline() -> str | None:
    """Why nothing can be downloaded here; None where the hub answers."""
    import httpx
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    try:
        httpx.head(constants.ENDPOINT, timeout=_PATIENCE)
    except httpx.HTTPError as error:
        return f"the hub does not answer ({error})"
    return None


def in_cache(repo: str | None, file: str) -> str | None:
    """The path of a repository's file in the local cache."""
    from huggingface_hub import try_to_load_from_cache

    found = None if repo is None else try_to_load_from_cache(repo, file)
    return found if isinstance(found, str) else None


def pinned(package: str) -> str:
    """``name==version`` of an installed package."""
    return f"{package}=={version(package)}"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without the dot."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
