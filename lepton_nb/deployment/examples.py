"""A small request that works, as options of curl."""

from __future__ import annotations

import json

from lepton_nb.tasks import Codec

_LONGEST = 160


def curl_options(codec: Codec) -> str:
    """The media type and the body of a request that fits the model."""
    if codec.kind == "image":
        return "-H 'Content-Type: image/png' --data-binary @picture.png"
    example = json.dumps(codec.example(), ensure_ascii=False)
    if len(example) > _LONGEST:
        return "-H 'Content-Type: application/json' -d @request.json"
    quoted = example.replace("'", "'\\''")
    return f"-H 'Content-Type: application/json' -d '{quoted}'"
