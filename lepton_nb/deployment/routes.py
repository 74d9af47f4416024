"""`service`: routes of the user's own around a deployed model."""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any

from lepton_nb.deployment.capture_report import CaptureReport
from lepton_nb.deployment.deploy import deploy
from lepton_nb.deployment.service import Deployment
from lepton_nb.errors import NotFoundError, RouteError
from lepton_nb.packaging import Package, build_package
from lepton_nb.packaging.attach import attach_routes
from lepton_nb.runs import Run, RunStore
from lepton_nb.runs.records import check_name

Target = type | Callable[..., Any] | Sequence[Callable[..., Any]]


@dataclass(frozen=True)
class Service:
    """What `service` made: the deployment, and what was captured for it."""

    deployment: Deployment
    report: CaptureReport
    routes: tuple[str, ...]


def service(
    target: Target,
    name: str,
    *,
    model: Run | Package | str | None = None,
    namespace: dict[str, Any] | None = None,
    cells: Sequence[str] = (),
    **options: Any,
) -> Deployment:
    """Serve a class or functions with typed signatures as routes around a deployed model.

    Each public method or function is a route of its own, ``POST /name`` with a flat JSON object, and also
    ``GET /name`` where its parameters fit into a URL. Their source goes along, with all of the notebook that
    it uses; nothing is pickled. The same name again is a new version under the same URL and token, and
    whatever fails leaves the live version live.

    Args:
        target: A class, a function, or a list of functions. A parameter named ``model`` gets the deployed
            model, see `lepton_nb.routes.Model`.
        name: Name of the service.
        model: The run or package to serve; the model that is live under `name`, else the run of that name,
            where None.
        namespace: The user's variables; those of ``__main__`` where None.
        cells: The texts of the cells that ran so far; IPython's ``In`` where empty.
        options: Where and how long it runs, as for `lepton_nb.deploy`: ``port``, ``host``, ``lifetime`` …

    Raises:
        RouteError: If a signature cannot be a route, or something it uses cannot be shipped.
        NotFoundError: If there is no such run.
        PackageError: If the model cannot be packaged.
        DeploymentError: If the service cannot be started or refuses the handlers.
    """
    made = make_service(target, name, model=model, namespace=namespace, cells=cells, **options)
    return made.deployment


def make_service(
    target: Target,
    name: str,
    *,
    model: Run | Package | str | None,
    namespace: dict[str, Any] | None,
    cells: Sequence[str],
    **options: Any,
) -> Service:
    """`service`, with the report of what was captured."""
    _require_pydantic()
    from lepton_nb.deployment.capturing import capture_routes
    from lepton_nb.models.defining import notebook_scope
    from lepton_nb.routes.route import routes_of, takes_model

    name = check_name(name, "service")
    scope = notebook_scope(namespace, cells)
    if isinstance(target, type):
        takes_model(target)
        routes, roots = routes_of(target), [target.__name__]
    else:
        functions = [target] if callable(target) else list(target)
        routes, roots = routes_of(functions), [item.__name__ for item in functions]
    source, report = capture_routes(roots, scope, is_class=isinstance(target, type))
    store = RunStore()
    package = attach_routes(
        _model_package(store, name, model), name, source.files(), report.requirements, store
    )
    deployment = deploy(package, name, **options)
    deployment.drift.watch(model.live.get("model") if isinstance(model, Run) else None)
    return Service(deployment, report, tuple(route.path for route in routes))


def route_names(source: str) -> list[str]:
    """The classes and functions of a cell, in their order, but for decorators and helpers: those that another
    of its functions uses."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    made = {node.name: node for node in ast.parse(source).body if isinstance(node, kinds)}
    used = {
        part.id
        for name, node in made.items()
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and part.id != name
    }
    kept = [name for name, node in made.items() if isinstance(node, ast.ClassDef) or name not in used]
    return kept if any(name in kept for name in made if not name.startswith("_")) else list(made)


def defined_targets(namespace: dict[str, Any], names: Sequence[str]) -> Target:
    """The service class among what a cell has defined, else its public functions.

    Args:
        names: What the cell defines with ``class`` and ``def``, in its order.

    Raises:
        RouteError: If there is neither, or more than one class.
    """
    _require_pydantic()
    public = [namespace[name] for name in names if not name.startswith("_") and name in namespace]
    classes = [value for value in public if isinstance(value, type) and not _is_data(value)]
    if len(classes) > 1:
        shown = " and ".join(item.__name__ for item in classes)
        raise RouteError(
            f"The cell defines the classes {shown}; one class is the service.",
            "Name helpers with an underscore, such as _Helper, or define them in another cell.",
        )
    if classes:
        if classes[0].__mro__[-2].__module__.startswith("torch."):
            raise RouteError(
                f"{classes[0].__name__} is a model, not a service.",
                "%%lepton model defines one; a service takes a trained run: --model RUN.",
            )
        return classes[0]
    functions = [value for value in public if inspect.isfunction(value)]
    if not functions:
        raise RouteError(
            "The cell defines no class and no function for routes.",
            "Write def classify(image: Image.Image, model): return model(image)",
        )
    return functions


def _is_data(value: type) -> bool:
    """Whether a class describes data rather than a service."""
    from pydantic import BaseModel

    return is_dataclass(value) or issubclass(value, (BaseModel, enum.Enum, tuple, dict, Exception))


def _model_package(store: RunStore, name: str, model: Run | Package | str | None) -> Package:
    if isinstance(model, Package):
        return model
    if model is not None:
        return build_package(model)
    try:
        live = store.get_deployment(name)
    except NotFoundError:
        pass
    else:
        record = store.get_package(live.package, live.version)
        return Package.load(record.path, version=record.version)
    try:
        return build_package(store.get_run(name))
    except NotFoundError:
        raise RouteError(
            f"There is no service and no run {name!r} whose model this could take.",
            "Name the run: --model RUN; %lepton runs lists them.",
        ) from None


def _require_pydantic() -> None:
    try:
        import pydantic  # noqa: F401
        import python_multipart  # noqa: F401
    except ImportError as error:
        raise RouteError(
            f"Routes of your own need {error.name}, which is not installed.",
            "pip install 'lepton-nb[routes]'",
        ) from None
