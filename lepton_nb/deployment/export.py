"""`export`: a folder that serves a model elsewhere, without this notebook."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from string import Template

import lepton_nb
from lepton_nb.deployment.client import codec_of
from lepton_nb.deployment.examples import curl_options
from lepton_nb.deployment.page import export_page
from lepton_nb.errors import ArgumentError, NotFoundError, PackageError
from lepton_nb.packaging import Manifest, Package, build_package
from lepton_nb.packaging.requirements import installed_versions
from lepton_nb.packaging.runners import load_graphs
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.home import needs_room

_ALWAYS = (
    "__init__.py",
    "batch.py",
    "errors.py",
    "signature.py",
    "py.typed",
    "packaging",
    "processes",
    "routes",
    "serve",
    "show",
    "tasks",
)

_ONNX = "| $files | the model for any ONNX runtime; its answers were checked with onnxruntime |\n"
_WEIGHTS = "| `model.safetensors` | the weights alone |\n"
_ROUTES = "| `package/handlers.py` | the routes around the model, as they were written in the notebook |\n"

_SOURCE_NOTE = """
This model runs from its Python source with torch, because its graph could not be exported ($why).
Read `package/source.py` before you serve it.
"""
_ROUTES_NOTE = """
The routes run Python from a notebook. Read `package/handlers.py` before you serve it.
"""


def export(target: Run | Package | str, folder: str | Path, *, runtime: str | Path | None = None) -> Path:
    """Write a folder that serves a model on any machine, or one HTML file that answers in a browser.

    A folder holds the package and the server, requirements, a ``serve`` command, Dockerfile, systemd unit,
    Kubernetes manifest and README, and the model as ONNX and safetensors. Everybody may read it.

    Args:
        target: A run or package, or the name of a service (what is live now is taken) or run.
        folder: Where to; must not exist or be empty. What ends with ``.html`` is one file, the try-it page
            with the model in it, which needs nothing installed and no network.
        runtime: For a page: onnxruntime-web as ``npm pack`` writes it; None takes that in the store, and has
            npm fetch it where there is none.

    Returns:
        The folder, or the file.

    Raises:
        NotFoundError: If there is no service and no run of that name.
        ArgumentError: If the folder is in use.
        PackageError: If the model cannot be packaged or answer in a page, or its ONNX does not give its
            answers any more.
        DeploymentError: If the runtime of a page cannot be fetched.
        StoreError: If there is no room for the folder.
    """
    path = Path(folder).expanduser().absolute()
    if path.suffix == ".html":
        return export_page(_package(target), path, runtime)
    if runtime is not None:
        raise ArgumentError("A runtime is for a page.", "Name a file that ends with .html.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ArgumentError(f"{path} exists and is not an empty folder.", "Name a new folder.")
    package = _package(target)
    # Beside its place first: a failure leaves no half of it.
    draft = path.with_name(f".{path.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with needs_room(path, "or name a folder elsewhere."):
            draft.mkdir(parents=True)
            _write(package, draft, path.name)
            _open_to_all(draft)
        if path.exists():
            path.rmdir()
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def _open_to_all(folder: Path) -> None:
    """Let everybody read it: root copies it, and the user that Dockerfile, unit or manifest names serves it.

    What it is made of is private, in a store that is.
    """
    for path in (folder, *folder.rglob("*")):
        runs = path.is_dir() or path.name == "serve"
        path.chmod(0o755 if runs else 0o644)


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
    shutil.copytree(package.path, folder / "package")
    shutil.copy(package.file("requirements.txt"), folder / "requirements.txt")
    shutil.copy(package.file("weights.safetensors"), folder / "model.safetensors")
    _write_onnx(package, folder)
    _copy_server(folder / "lepton_nb", package)
    (folder / ".dockerignore").write_text("__pycache__\nvenv\n")
    fields = _fields(package, name)
    slug = fields["slug"]
    for template, file in (
        ("Dockerfile", "Dockerfile"),
        ("serve", "serve"),
        ("unit.service", f"{slug}.service"),
        ("kubernetes.yaml", "kubernetes.yaml"),
        ("README.md", "README.md"),
    ):
        text = files("lepton_nb.deployment").joinpath("templates", template).read_text("utf-8")
        (folder / file).write_text(Template(text).substitute(fields), "utf-8")


def _write_onnx(package: Package, folder: Path) -> None:
    """The ONNX graphs beside the package, once more compared with the model's own answers."""
    found = package.manifest.graph_files("onnx")
    for file in found:
        shutil.copy(package.file(file), folder / file)
    if not found:
        return
    codec = codec_of(package.path)
    graphs = load_graphs(folder, "onnx", package.manifest.graphs)
    parity = package.read_example().check(lambda inputs: codec.run(graphs, inputs))
    if not parity.ok:
        raise PackageError(
            f"{found[0]} of {package} does not give the model's answers here: {parity}.",
            "Deploy the run again to build a new package.",
        )


def _fields(package: Package, name: str) -> dict[str, str]:
    """What the templates leave open."""
    manifest = package.manifest
    trusted = manifest.formats[0] != "onnx" or manifest.has_routes
    least, most = _memory(package)
    notes = (
        Template(_SOURCE_NOTE).substitute(why=manifest.rejected.get("onnx", ""))
        if manifest.runs_source
        else ""
    )
    return {
        "name": name,
        "slug": _slug(name),
        "model": manifest.model,
        "run": manifest.run,
        "task": manifest.task,
        "version": installed_versions().get("lepton-nb", "0"),
        "python": ".".join(manifest.versions["python"].split(".")[:2]),
        "trust": " --trust" if trusted else "",
        "example": curl_options(codec_of(package.path)),
        "models": _WEIGHTS + _about_onnx(manifest) + (_ROUTES if manifest.has_routes else ""),
        "notes": notes + (_ROUTES_NOTE if manifest.has_routes else ""),
        "memory_request": f"{least}Mi",
        "memory_limit": f"{most}Mi",
        "memory_limit_units": f"{most}M",
        "private_devices": "yes" if manifest.formats[0] == "onnx" else "no",
    }


def _about_onnx(manifest: Manifest) -> str:
    graphs = [f"`{file}`" for file in manifest.graph_files("onnx") if file.endswith(".onnx")]
    return Template(_ONNX).substitute(files=", ".join(graphs)) if graphs else ""


def _memory(package: Package) -> tuple[int, int]:
    """MiB that serving takes, and at most may take: the libraries, the weights, room for a batch."""
    weights = package.manifest.files["weights.safetensors"].size >> 20
    libraries = 384 if package.manifest.formats[0] == "onnx" else 1024
    least = libraries + 2 * weights + (256 if package.manifest.has_routes else 0)
    return least, 2 * least + 2 * weights


def _slug(name: str) -> str:
    """A name that Docker, systemd and Kubernetes take."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-") or "model"


def _copy_server(target: Path, package: Package) -> None:
    """The parts of this library that serve: none of the notebook's, the training's or the store's."""
    own = Path(lepton_nb.__file__).parent
    target.mkdir()
    needed = [*_ALWAYS]
    if package.manifest.runs_source:
        needed.append("models")
    if package.manifest.has_routes:
        needed.append("handlers.py")
    for name in needed:
        if (own / name).is_dir():
            shutil.copytree(own / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(own / name, target / name)
