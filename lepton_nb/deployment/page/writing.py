"""Putting the page together."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

import lepton_nb
from lepton_nb.deployment.page.describing import describe_page
from lepton_nb.deployment.page.packing import pack
from lepton_nb.deployment.page.runtime import runtime_files
from lepton_nb.errors import ArgumentError
from lepton_nb.packaging import Package
from lepton_nb.runs.home import needs_room, replacing

_OWN = Path(__file__).parent / "static"
_TRY_IT = Path(lepton_nb.__file__).parent / "serve" / "static"
_SCRIPTS = ("dom", "snippets", "answers", "forms", "inputs", "page")
_OWN_SCRIPTS = ("picture", "tokens", "reading", "answering", "service")
_POLICY = (  # it loads nothing from elsewhere, and sends nothing anywhere
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="windows-1252">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}
header nav a, .code {{ display: none; }}
</style>
</head>
"""


def export_page(package: Package, path: Path, runtime: str | Path | None = None) -> Path:
    """Write one HTML file that answers like the model, in a browser, with nothing else and nobody else.

    Args:
        path: Where to; must not exist.
        runtime: onnxruntime-web as npm packs it; None takes that in the store, or has npm fetch it once.

    Raises:
        ArgumentError: If there is such a file.
        PackageError: If the model cannot answer in a page.
        DeploymentError: If the runtime cannot be fetched.
        StoreError: If there is no room for the file.
    """
    if path.exists():
        raise ArgumentError(f"{path} exists.", "Name a new file.")
    described = describe_page(package, path.stem)
    files = {
        "openapi.json": json.dumps(described).encode(),
        "model.onnx": package.file("model.onnx").read_bytes(),
        **_more(package),
        **{f"{name}.js": (_TRY_IT / f"{name}.js").read_bytes() for name in _SCRIPTS},
        **{f"{name}.js": (_OWN / f"{name}.js").read_bytes() for name in _OWN_SCRIPTS},
        **runtime_files(runtime),
    }
    with needs_room(path, "or name a file elsewhere."), replacing(path) as file:
        file.write(_head(path.stem) + _body())
        file.write(b'<script type="application/octet-stream" id="pack">')
        file.write(pack(files))
        file.write(b"</script>\n<script>\n" + (_OWN / "boot.js").read_bytes() + b"</script>\n</html>\n")
    path.chmod(0o644)
    return path


def _more(package: Package) -> dict[str, bytes]:
    """The weights, where the ONNX file has them beside it."""
    files = package.manifest.graph_files("onnx")
    return {name: package.file(name).read_bytes() for name in files if name.endswith(".data")}


def _head(title: str) -> bytes:
    style = (_TRY_IT / "style.css").read_text("utf-8")
    return _HEAD.format(title=escape(title), policy=_POLICY, style=style).encode("ascii", "xmlcharrefreplace")


def _body() -> bytes:
    """The try-it page's body."""
    html = (_TRY_IT / "page.html").read_text("utf-8")
    found = re.search(r"<body>.*(?=</body>)", html, re.DOTALL)
    assert found is not None
    return found[0].encode("ascii", "xmlcharrefreplace") + b"\n"
