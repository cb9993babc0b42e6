"""Every figure of merit that a user may see is explained in docs/metrology under the name that is printed."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAKERS = {"FigureOfMerit", "refused", "normal", "renamed"}
ANY = "[A-Za-z0-9_]+"
NAME = re.compile(r"(?:[a-z]|\[A-Za-z0-9_\]\+_)(?:[A-Za-z0-9_]|\[A-Za-z0-9_\]\+)*")


@cache
def modules() -> tuple[ast.Module, ...]:
    files = [path for room in ("analysis", "procedures") for path in sorted((ROOT / room).rglob("*.py"))]
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in files)


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def argument(call: ast.Call, place: int, keyword: str) -> ast.expr | None:
    if place < len(call.args):
        return call.args[place]
    return next((given.value for given in call.keywords if given.arg == keyword), None)


def patterns(node: ast.AST | None, scope: ast.AST, followed: frozenset[str] = frozenset()) -> set[str]:
    """Give what a text may be, as regular expressions; of a local name all that it is set to."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.JoinedStr(values=parts):
            return {"".join(str(part.value) if isinstance(part, ast.Constant) else ANY for part in parts)}
        case ast.IfExp(body=first, orelse=second):
            return patterns(first, scope, followed) | patterns(second, scope, followed)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return set().union(*(patterns(element, scope, followed) for element in elements))
        case ast.GeneratorExp(elt=element):
            return patterns(element, scope, followed)
        case ast.Call(args=[inner]):
            return patterns(inner, scope, followed)
        case ast.Name(id=name) if name not in followed:
            return set().union(*(patterns(value, scope, followed | {name}) for value in set_to(name, scope)))
    return set()


def set_to(name: str, scope: ast.AST) -> Iterator[ast.AST]:
    """Find what a name is set to in a function or module, looped over in it, or what it is by default."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                yield from (v for t, v in zip(targets, values, strict=True) if isinstance(t, ast.Name) and t.id == name)
            case ast.For(target=target, iter=looped) | ast.comprehension(target=target, iter=looped):
                if name in {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}:
                    yield looped
    if isinstance(scope, ast.FunctionDef):
        given = scope.args.args[len(scope.args.args) - len(scope.args.defaults) :]
        yield from (default for one, default in zip(given, scope.args.defaults, strict=True) if one.arg == name)
        keywords = zip(scope.args.kwonlyargs, scope.args.kw_defaults, strict=True)
        yield from (default for one, default in keywords if one.arg == name and default is not None)


def figure_names() -> set[str]:
    """Find the names in calls that make figures, and in calls of functions that hand a parameter to such a call."""
    # by function: which of its parameters is the name of a figure
    hands_on: dict[str, set[tuple[int, str]]] = defaultdict(set)
    hands_on |= {maker: {(0, "name")} for maker in MAKERS}
    functions = [node for tree in modules() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    calls = {
        id(function): [node for node in ast.walk(function) if isinstance(node, ast.Call)] for function in functions
    }
    growing = True
    while growing:
        growing = False
        for function in functions:
            names = [one.arg for one in function.args.args if one.arg not in ("self", "cls")]
            names += [one.arg for one in function.args.kwonlyargs]
            for call in calls[id(function)]:
                for place, keyword in tuple(hands_on.get(called(call), ())):
                    given = argument(call, place, keyword)
                    if isinstance(given, ast.Name) and given.id in names and function.name not in MAKERS:
                        found = (names.index(given.id), given.id)
                        growing |= found not in hands_on[function.name]
                        hands_on[function.name].add(found)
    return {
        pattern
        for scope in functions
        for call in calls[id(scope)]
        for place, keyword in hands_on.get(called(call), ())
        for pattern in patterns(argument(call, place, keyword), scope)
        if NAME.fullmatch(pattern)
    }


def test_every_figure_is_explained_by_its_name() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs/metrology").glob("*.md"))
    explained = set(re.findall(r"`([a-z][A-Za-z0-9_]*)`", pages))
    names = figure_names()
    assert {"sensitivity", "lod_line", "mtf50", "remaining", "mobility", "plqy"} <= names
    missing = {name for name in names if not any(re.fullmatch(name, one) for one in explained)}
    assert missing == set()
