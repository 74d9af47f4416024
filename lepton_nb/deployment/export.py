"""`export`: a folder that serves a model elsewhere, without this notebook."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import lepton_nb
from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.packaging import Package, build_package
from lepton_nb.packaging.requirements import installed_versions
from lepton_nb.runs import Run, RunStore

_ALWAYS = ("__init__.py", "errors.py", "signature.py", "py.typed", "packaging", "serve", "tasks")
_SOURCE_TOO = ("models",)

_DOCKERFILE = """\
FROM python:{python}-slim
WORKDIR /service
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --system service
USER service
EXPOSE 8000
# The token comes from outside: docker run -e LEPTON_TOKEN=... -p 8000:8000 IMAGE
CMD ["./serve", "--host", "0.0.0.0", "--allow-host", "*"]
"""

_SERVE = """\
#!/bin/sh
# Serves the model in package/ on port 8000. Options: ./serve --help
# LEPTON_TOKEN is what clients must send as 'Authorization: Bearer TOKEN'.
cd "$(dirname "$0")" || exit 1
exec python -m lepton_nb.serve --package package --name {name}{trust} "$@"
"""

_README = """\
# {name}

{model} of run {run} ({task}), packaged by lepton-nb {version}.

    pip install -r requirements.txt
    LEPTON_TOKEN=secret ./serve

    curl http://127.0.0.1:8000/healthz
    curl http://127.0.0.1:8000/docs

or in a container:

    docker build -t {name} .
    docker run -e LEPTON_TOKEN=secret -p 8000:8000 {name}

| File | What it is |
|---|---|
| `package/manifest.json` | what the package holds, with the sha256 of every file |
| `package/weights.safetensors` | the weights alone |
{onnx}| `package/signature.json` | inputs, output, class names, preprocessing |
| `package/source.py` | the source of the model, to read |
| `package/example.safetensors` | real inputs and the answers the model must give to them |
| `lepton_nb/` | the server: no notebook and no training in it |
{note}"""

_ONNX = """\
| `model.onnx` | the model for any ONNX runtime; checked with onnxruntime |
"""

_SOURCE_NOTE = """
This model runs from its Python source with torch, because its graph could not be exported ({why}).
Read `package/source.py` before you serve it.
"""


def export(target: Run | Package | str, folder: str | Path) -> Path:
    """Write a folder that serves a model on any machine: package, server, requirements, Dockerfile.

    Args:
        target: A run or package, or the name of a service (what is live now is taken) or run.
        folder: Where to; must not exist or be empty.

    Returns:
        The folder.

    Raises:
        NotFoundError: If there is no service and no run of that name.
        ArgumentError: If the folder is in use.
        PackageError: If the model cannot be packaged.
    """
    path = Path(folder).expanduser().absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ArgumentError(f"{path} exists and is not an empty folder.", "Name a new folder.")
    package = _package(target)
    # Beside its place first: a failure leaves no half of it.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        _write(package, draft, path.name)
        if path.exists():
            path.rmdir()
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def _package(target: Run | Package | str) -> Package:
    if isinstance(target, Package):
        return target
    if isinstance(target, str):
        store = RunStore()
        try:
            live = store.get_deployment(target)
        except NotFoundError:
            return build_package(target)
        record = store.get_package(live.package, live.version)
        return replace(Package.load(record.path), version=record.version)
    return build_package(target)


def _write(package: Package, folder: Path, name: str) -> None:
    manifest = package.manifest
    shutil.copytree(package.path, folder / "package")
    (folder / "requirements.txt").write_bytes(package.file("requirements.txt").read_bytes())
    _copy_server(folder / "lepton_nb", with_models=manifest.runs_source)
    python = ".".join(manifest.versions["python"].split(".")[:2])
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(python=python))
    (folder / ".dockerignore").write_text("__pycache__\n")
    trust = "" if manifest.formats[0] == "onnx" else " --trust"
    serve = folder / "serve"
    serve.write_text(_SERVE.format(name=name, trust=trust))
    serve.chmod(0o755)
    onnx = ""
    for file in ("model.onnx", "model.onnx.data"):
        if file in manifest.files:
            shutil.copy(package.file(file), folder / file)
            onnx = _ONNX
    why = manifest.rejected.get("onnx", "")
    note = _SOURCE_NOTE.format(why=why) if manifest.runs_source else ""
    fields = {
        "name": name,
        "model": manifest.model,
        "run": manifest.run,
        "task": manifest.task,
        "version": installed_versions().get("lepton-nb", "0"),
        "onnx": onnx,
        "note": note,
    }
    (folder / "README.md").write_text(_README.format(**fields), "utf-8")


def _copy_server(target: Path, *, with_models: bool) -> None:
    """The parts of this library that serve: none of the notebook's, the training's or the store's."""
    own = Path(lepton_nb.__file__).parent
    target.mkdir()
    for name in (*_ALWAYS, *(_SOURCE_TOO if with_models else ())):
        if (own / name).is_dir():
            shutil.copytree(own / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(own / name, target / name)
