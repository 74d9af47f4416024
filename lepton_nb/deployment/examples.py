"""A small request that works, as options of curl."""

from __future__ import annotations

import json

from lepton_nb.tasks import Codec
from lepton_nb.tasks.bodies import media_type_of

_LONGEST = 160


def curl_options(codec: Codec) -> str:
    """The media type and the body of a request that fits the model, and what to do with a file as answer."""
    file = media_type_of(codec.answer_schema())
    return _body(codec) + (f" -H 'Accept: {file}' -o answer" if file else "")


def _body(codec: Codec) -> str:
    form = codec.form
    if form.file:
        return f"-H 'Content-Type: {form.media_types[0]}' --data-binary @{form.file}"
    example = json.dumps(codec.example(), ensure_ascii=False)
    if len(example) > _LONGEST:
        return "-H 'Content-Type: application/json' -d @request.json"
    quoted = example.replace("'", "'\\''")
    return f"-H 'Content-Type: application/json' -d '{quoted}'"
