"""What a library's model of pictures must know of the data."""

from __future__ import annotations

from lepton_nb.errors import ModelError
from lepton_nb.signature import Signature


def picture_sizes(name: str, signature: Signature | None) -> dict[str, int]:
    """Channels, height and width of the data's pictures; the usual ones where there is no data.

    Raises:
        ModelError: If the data gives something else.
    """
    if signature is None:
        return {"in_channels": 3, "height": 224, "width": 224}
    shape = signature.inputs[0].shape
    if len(signature.inputs) != 1 or len(shape) != 3 or None in shape:
        seen = ", ".join(map(str, signature.inputs))
        raise ModelError(f"{name} takes pictures (channels, height, width), but the data gives {seen}.")
    return dict(zip(("in_channels", "height", "width"), [size or 0 for size in shape], strict=True))
