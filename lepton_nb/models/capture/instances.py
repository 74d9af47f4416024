"""How to build a live module again: from the statements that made it, or from what it says of itself."""

from __future__ import annotations

import ast
import copy
import inspect
import io
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from lepton_nb.errors import ModelError
from lepton_nb.models.capture.cells import Statement, assigned_names, statements
from lepton_nb.models.capture.closure import Capture, Scope, capture
from lepton_nb.models.capture.imports import is_installed
from lepton_nb.models.capture.names import needs_of
from lepton_nb.models.capture.places import places_of
from lepton_nb.models.capture.risks import risk_of_building
from lepton_nb.models.capture.sameness import difference, same_value
from lepton_nb.models.loading import load_source
from lepton_nb.models.rendering import constructor
from lepton_nb.models.seeding import private_rng
from lepton_nb.models.several import Models
from lepton_nb.models.spec import ModelSpec

_MOVES = {"to", "cuda", "cpu", "eval", "train", "requires_grad_", "share_memory"}
_CHANGES = {"add_module", "append", "extend", "insert", "register_module"}


@dataclass(frozen=True)
class Recipe:
    """A way to build a module: an expression, and the function it calls where one was written for it."""

    expression: str
    function: str = ""
    function_name: str = ""
    local: str = ""


def spec_of_instance(instance: nn.Module, scope: Scope) -> ModelSpec:
    """How to build `instance` again, proven by building it; of the kind ``live`` where nothing works.

    Tried in this order: the newest statements that assign it to its variable, its class with no arguments,
    its class with the constructor arguments found as its attributes.
    """
    name = type(instance).__name__
    scope = replace(scope, namespace={**scope.namespace, **_own_classes(instance)})
    reasons: list[str] = []
    for recipe in _assigned(instance, scope):
        found = _try(recipe, instance, scope, name)
        if isinstance(found, ModelSpec):
            return found
        reasons += [reason for reason in found if reason not in reasons]
    scope = replace(scope, namespace={**_all_classes(instance), **scope.namespace})
    for recipe in _constructed(instance):
        found = _try(recipe, instance, scope, name)
        if isinstance(found, ModelSpec):
            return found
        reasons += [reason for reason in found if reason not in reasons]
    if not reasons:
        reasons = [f"`{name}` (model): no cell was found that makes it"]
    return ModelSpec("live", name, missing=reasons)


def spec_of_call(expression: str, root: str, built: nn.Module, scope: Scope) -> ModelSpec:
    """The spec of a class or factory called `root`, by an `expression` that has just made `built`."""
    found = _try(Recipe(expression), built, scope, root)
    return found if isinstance(found, ModelSpec) else ModelSpec("live", root, missing=found)


def spec_of_models(models: Models, scope: Scope) -> ModelSpec:
    """The spec of several models, from those of each."""
    name = "_".join(models)
    parts = {part: spec_of_instance(module, scope) for part, module in models.items()}
    if missing := [reason for spec in parts.values() for reason in spec.missing]:
        return ModelSpec("live", name, missing=missing)
    made = ", ".join(f"{part!r}: {spec.expression}" for part, spec in parts.items())
    known = replace(scope, namespace={**scope.namespace, "Models": Models})
    return replace(spec_of_call(f"Models({{{made}}})", "Models", models, known), name=name)


def _try(recipe: Recipe, instance: nn.Module, scope: Scope, name: str) -> ModelSpec | list[str]:
    """The spec of a recipe, where it gives the same architecture; else the reasons why not."""
    found = _capture(recipe, scope)
    if found.missing:
        return found.missing
    risk = risk_of_building(recipe.expression, found.source)
    if risk is not None:
        return [f"`{recipe.expression}` calls {risk}(…), which is not run again"]
    spec = ModelSpec(
        "source",
        name,
        recipe.expression,
        found.source,
        requirements=found.requirements,
        places=[(place.start, place.file, place.line) for place in places_of(found, scope)],
    )
    try:
        with private_rng(), _silence():
            rebuilt = spec.build()
        other = difference(instance, rebuilt)
        changed = [key for key, value in found.rerun.items() if not _again(found, key, value, instance)]
    except ModelError as error:
        return [f"`{recipe.expression}`: {error.message}"]
    except Exception as error:
        return [f"`{recipe.expression}` fails when run again: {type(error).__name__}: {error}"]
    if other is not None:
        return [f"`{recipe.expression}` gives another model when run again: {other}"]
    if changed:
        return [f"`{key}` ({type(found.rerun[key]).__name__}): other when made again" for key in changed]
    return spec


@contextmanager
def _silence() -> Iterator[None]:
    """What a constructor prints or warns of has been said when the user built the model."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _capture(recipe: Recipe, scope: Scope) -> Capture:
    if recipe.function:
        last = (recipe.function_name, recipe.function, frozenset({recipe.local}))
        return capture([], scope, last)
    return capture(needs_of(recipe.expression).every, scope)


def _again(found: Capture, name: str, value: Any, instance: nn.Module) -> bool:
    """Whether a value is the same when made again; of a part of the model, weights do not count."""
    made = vars(load_source(found.source)).get(name)
    if isinstance(value, nn.Module) and isinstance(made, nn.Module) and _is_part(value, instance):
        return difference(value, made) is None
    return same_value(value, made)


def _is_part(module: nn.Module, instance: nn.Module) -> bool:
    """Whether the model holds every weight of a module: they come from its checkpoint."""
    own = {id(value) for value in _tensors(instance)} | {value.data_ptr() for value in _tensors(instance)}
    return all(id(value) in own or value.data_ptr() in own - {0} for value in _tensors(module))


def _tensors(module: nn.Module) -> list[Tensor]:
    return [value for value in module.state_dict(keep_vars=True).values() if isinstance(value, Tensor)]


def _own_classes(instance: nn.Module) -> dict[str, Any]:
    """The user's own classes in the model, by name: the notebook may have newer ones by now."""
    kinds = {type(module) for module in instance.modules()}
    return {kind.__name__: kind for kind in kinds if not is_installed(kind.__module__)}


def _all_classes(instance: nn.Module) -> dict[str, Any]:
    """What the expressions of `constructor_of` may name."""
    kinds = {type(module) for module in instance.modules()}
    return {"nn": nn, "OrderedDict": OrderedDict, **{kind.__name__: kind for kind in kinds}}


def _assigned(instance: nn.Module, scope: Scope) -> Iterator[Recipe]:
    """Recipes from the statements that assign the instance to a variable."""
    for name in [
        key for key, value in scope.namespace.items() if value is instance and not key.startswith("_")
    ]:
        steps = _steps(name, list(statements(scope.cells)))
        if not steps:
            continue
        first = steps[0].node
        assert isinstance(first, (ast.Assign, ast.AnnAssign))
        assert first.value is not None
        value = _without_weights(first.value, scope)
        if len(steps) > 1:
            yield _function(name, steps, value, scope)
            continue
        bare = ast.unparse(_without_moves(value))
        yield Recipe(bare)
        if ast.unparse(value) != bare:
            yield Recipe(ast.unparse(value))


def _steps(name: str, every: Sequence[Statement]) -> list[Statement]:
    """The newest assignment to `name`, and the statements that then change its layers.

    An assignment that starts from the variable itself, ``model = nn.Sequential(model, …)``, belongs to the
    one before it. Nothing is returned where the variable is also assigned inside a loop or a branch.
    """
    steps: list[Statement] = []
    for statement in reversed(every):
        node = statement.node
        if _assigns(node, name):
            steps.insert(0, statement)
            if name not in needs_of(f"_ = {ast.unparse(node.value)}").every:  # type: ignore[attr-defined]
                return steps
        elif name in assigned_names(node) and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return []
        elif _changes(node, name):
            steps.insert(0, statement)
    return []


def _assigns(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and isinstance(node.target, ast.Name) and node.target.id == name
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == name for target in node.targets
    )


def _changes(node: ast.stmt, name: str) -> bool:
    """Whether a statement puts a layer into the module: ``model.fc = …``, ``model.append(…)``."""
    if isinstance(node, (ast.Assign, ast.Delete)):
        return any(_root(target) == name for target in node.targets)
    call = node.value if isinstance(node, ast.Expr) else None
    changing = (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGES
    )
    return changing and _root(call.func) == name  # type: ignore[union-attr]


def _root(node: ast.AST) -> str | None:
    """The variable under ``model.fc`` or ``model.head[2].weight``; None for a plain name."""
    inner = node
    while isinstance(inner, (ast.Attribute, ast.Subscript)):
        inner = inner.value
    return inner.id if inner is not node and isinstance(inner, ast.Name) else None


def _function(name: str, steps: Sequence[Statement], value: ast.expr, scope: Scope) -> Recipe:
    """The steps as a function that returns the model."""
    function = f"build_{name}"
    while function in scope.namespace:
        function = f"re{function}"
    lines = [f"{name} = {ast.unparse(value)}", *(step.text for step in steps[1:]), f"return {name}"]
    body = "\n".join("    " + line for text in lines for line in text.split("\n"))
    return Recipe(f"{function}()", f"def {function}():\n{body}\n", function, name)


def _without_moves(value: ast.expr) -> ast.expr:
    """``Net()`` of ``Net().to(device).eval()``: where a model lies is not part of what it is."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _MOVES:
        value = value.func.value
    return value


_NO_WEIGHTS = {"torchvision.models": ("weights", None), "timm.": ("pretrained", False)}
"""By the module of a function that makes models: its argument for weights, and the value for none."""


class _NoWeights(ast.NodeTransformer):
    """Asks for no weights in calls of torchvision's and timm's models: a rebuild must not download."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        module = _module_of(node.func, self.namespace)
        name, none = next((none for own, none in _NO_WEIGHTS.items() if module.startswith(own)), ("", None))
        kept = [word for word in node.keywords if word.arg not in (name, "pretrained")]
        if not name or len(kept) == len(node.keywords):
            return node
        keywords = [*kept, ast.keyword(name, ast.Constant(none))]
        return ast.copy_location(ast.Call(node.func, node.args, keywords), node)


def _without_weights(value: ast.expr, scope: Scope) -> ast.expr:
    changed = _NoWeights(scope.namespace).visit(copy.deepcopy(value))
    assert isinstance(changed, ast.expr)
    return changed


def _module_of(node: ast.expr, namespace: dict[str, Any]) -> str:
    """The module of the function that an expression such as ``models.resnet18`` names."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
    value = namespace.get(node.id) if isinstance(node, ast.Name) else None
    for attribute in path:
        value = getattr(value, attribute, None)
    return getattr(value, "__module__", None) or ""


def _constructed(instance: nn.Module) -> Iterator[Recipe]:
    """Recipes from the module itself: its class, and the constructor arguments it keeps as attributes."""
    cls = type(instance)
    if not is_installed(cls.__module__) and _needs_no_arguments(cls):
        yield Recipe(f"{cls.__name__}()")
    text = constructor_of(instance)
    if text is not None:
        yield Recipe(text)


def _needs_no_arguments(cls: type) -> bool:
    try:
        inspect.signature(cls).bind()
    except (TypeError, ValueError):
        return False
    return True


def constructor_of(module: nn.Module) -> str | None:
    """The expression that makes a module, with its children for a container; None where it is not known."""
    if type(module) is nn.Sequential:
        children = [(name, constructor_of(child)) for name, child in module.named_children()]
        texts = [text for _, text in children if text is not None]
        if len(texts) < len(children):
            return None
        numbered = all(name == str(index) for index, (name, _) in enumerate(children))
        if numbered:
            return f"nn.Sequential({', '.join(texts)})"
        pairs = ", ".join(f"{name!r}: {text}" for name, text in children)
        return f"nn.Sequential(OrderedDict({{{pairs}}}))"
    return constructor(module)
