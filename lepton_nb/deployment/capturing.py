"""From the functions of a cell to source that runs in the service, with a report of all that goes along."""

from __future__ import annotations

import ast
import io
import re
import socket
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lepton_nb.deployment.capture_report import Captured, CaptureReport
from lepton_nb.deployment.capture_review import refuse_undefined, relative_files
from lepton_nb.errors import RouteError
from lepton_nb.routes.source import CellPlace, RouteSource

if TYPE_CHECKING:
    from lepton_nb.models.capture import Capture, Scope

_LARGE = 10 << 20
_SECRET_NAME = re.compile(r"(?:^|_)(?:api_?key|token|secret|passw(?:or)?d|credentials?)s?(?:_|$)", re.I)
_SECRET_TEXT = re.compile(
    r"^(?:sk-|sk_live_|gh[pousr]_|github_pat_|hf_|xox[abp]-|AKIA|ASIA|AIza|eyJ[\w-]{10,}\.eyJ|glpat-)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s:@]+@"
)
_OPEN = ("Connection", "Cursor", "Session", "Engine", "Client", "Socket")


def capture_routes(
    roots: Sequence[str], scope: Scope, *, is_class: bool
) -> tuple[RouteSource, CaptureReport]:
    """Capture a class or functions of the notebook and everything they use.

    Args:
        roots: Names of the class or of the functions.
        is_class: Whether the methods of one class are the routes.

    Raises:
        RouteError: If something they use cannot be shipped; names it, and the lines that use it.
    """
    from lepton_nb.models.capture import Rule, capture

    class Shipping(Rule):
        def ships(self, value: Any) -> bool:
            return _as_array(value) is not None

        def refuses(self, value: Any) -> str:
            return _refusal(value)

    found = capture(roots, scope, rule=Shipping())
    places = list(_places(found, scope))
    uses = _uses(found, places)
    if found.unshipped:
        raise _unshippable(found, uses)
    refuse_undefined(found, uses, scope.namespace)
    arrays = {name: _as_array(value) for name, value in found.data.items()}
    source = RouteSource(
        found.source,
        roots[0] if is_class else "",
        () if is_class else tuple(roots),
        tuple(place for _, place in places),
        {name: array for name, array in arrays.items() if array is not None},
        tuple(name for name, value in found.data.items() if not isinstance(value, np.ndarray)),
    )
    return source, _report(found, roots, dict(places), uses, scope)


def _as_array(value: Any) -> np.ndarray | None:
    """A numeric array or tensor as it goes into safetensors; None for anything else."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8 else None
    torch = sys.modules.get("torch")
    if torch is None or type(value) is not torch.Tensor:
        return None
    plain = value.layout == torch.strided and not value.is_quantized and not value.is_complex()
    if not plain or value.dtype == torch.bfloat16:
        return None
    array: np.ndarray = value.detach().cpu().numpy()
    return array


def _refusal(value: Any) -> str:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.nn.Module):
        return "a model of the notebook; its weights come with --model RUN, as the parameter `model`"
    if isinstance(value, io.IOBase):
        return "an open file; open it in __init__ or in the function"
    if isinstance(value, (types.GeneratorType, types.AsyncGeneratorType)):
        return "a generator that is running; call its function in the route"
    own = type(value).__module__.partition(".")[0] not in ("__main__", "builtins")
    if isinstance(value, socket.socket) or (own and type(value).__name__.endswith(_OPEN)):
        return "an open connection; open it in __init__ or in the function"
    return ""


def _unshippable(found: Capture, uses: dict[str, list[str]]) -> RouteError:
    reasons = [
        reason + (f" (used in {', '.join(uses[name])})" if uses.get(name) else "")
        for name, reason in list(found.unshipped.items())[:3]
    ]
    return RouteError(
        f"The service cannot take {'; '.join(reasons)}.",
        "Make it inside the class or function, or pass what it gives as a plain value.",
    )


def _places(found: Capture, scope: Scope) -> Iterator[tuple[str, CellPlace]]:
    """Each captured statement by its name, with its line in the source and where it was written."""
    from lepton_nb.models.capture.places import places_of

    for name, start, file, line in places_of(found, scope):
        yield name, CellPlace(start, file, line)


def _uses(found: Capture, places: Iterable[tuple[str, CellPlace]]) -> dict[str, list[str]]:
    """For each captured or missing name, the statements that use it, with the line of the notebook."""
    written = dict(places)
    uses: dict[str, list[str]] = {}
    for name, item in found.items.items():
        lines: dict[str, int] = {}
        for node in ast.walk(ast.parse(item.text.strip("\n"))):
            if isinstance(node, ast.Name) and node.id != name:
                lines[node.id] = min(node.lineno, lines.get(node.id, node.lineno))
        place = written.get(name)
        for used, line in lines.items():
            where = f", line {place.line + line - 1}" if place else ""
            uses.setdefault(used, []).append(f"{name}{where}")
    return uses


def _report(
    found: Capture,
    roots: Sequence[str],
    places: dict[str, CellPlace],
    uses: dict[str, list[str]],
    scope: Scope,
) -> CaptureReport:
    entries: list[Captured] = []
    warnings: list[str] = []
    for name, value in found.values.items():
        if name in roots or (name not in found.items and name not in found.data):
            continue
        size = _size(name, value, found)
        where = _where(name, places, scope)
        entries.append(Captured(name, _kind(name, value, found), size, where, tuple(uses.get(name, ()))))
        warnings += _warnings(name, value, size)
    warnings += relative_files(found)
    imports = tuple(sorted({item.module for item in found.imports}))
    requirements = tuple(line for line in found.requirements if not line.startswith("lepton-nb"))
    return CaptureReport(tuple(entries), imports, requirements, tuple(warnings))


def _where(name: str, places: dict[str, CellPlace], scope: Scope) -> str:
    """The cell and line that define a name, or last assigned it."""
    from lepton_nb.models.capture import assigned_names, statements_of
    from lepton_nb.models.capture.places import cells_of

    if name in places:
        return f"{places[name].file}, line {places[name].line}"
    for label, text in cells_of(scope):
        for statement in reversed(statements_of(text)):
            if name in assigned_names(statement.node):
                return f"{label}, line {statement.node.lineno}"
    return ""


def _kind(name: str, value: Any, found: Capture) -> str:
    if name in found.data:
        shape = " × ".join(map(str, value.shape)) or "scalar"
        return f"{'tensor' if hasattr(value, 'detach') else 'array'} {shape} {value.dtype}".replace(
            "torch.", ""
        )
    if isinstance(value, type):
        return "class"
    if isinstance(value, types.FunctionType):
        return "function"
    return f"{type(value).__name__}, made again" if name in found.rerun else type(value).__name__


def _size(name: str, value: Any, found: Capture) -> int:
    """Bytes it adds to the package."""
    return int(value.nbytes) if name in found.data else len(found.items[name].text.encode())


def _warnings(name: str, value: Any, size: int) -> Iterator[str]:
    if isinstance(value, str) and (_SECRET_TEXT.search(value) or (_SECRET_NAME.search(name) and value)):
        yield (
            f"{name} looks like a secret, and is written into the package as it is; "
            "read it with os.environ in __init__ instead"
        )
    if size > _LARGE:
        yield f"{name} adds {size / 1e6:.0f} MB to every version of the service"
    if getattr(getattr(value, "device", None), "type", "cpu") != "cpu":
        yield f"{name} lies on {value.device}; the service gets a copy on the CPU"
