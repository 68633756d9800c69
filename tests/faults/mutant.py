"""The small changes that mutation testing makes to a source, one at a time: what mutmut's standard
set and cosmic-ray's have, and some more. Knows sources, and nothing of tests or processes.

Left alone is what only people or type checkers read: docstrings, texts of errors and log lines,
`__repr__`, types.
"""

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

ROOT = Path(__file__).resolve().parents[2]

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
}
_TWINS = (
    ("lower", "upper"),
    ("lstrip", "rstrip"),
    ("find", "rfind"),
    ("index", "rindex"),
    ("split", "rsplit"),
    ("partition", "rpartition"),
    ("removeprefix", "removesuffix"),
    ("startswith", "endswith"),
    ("append", "extend"),
    ("keys", "values"),
    ("min", "max"),
    ("any", "all"),
)
TWINS = dict(_TWINS) | {second: first for first, second in _TWINS}
"""Called by mistake for each other."""
FOR_PEOPLE = {"CorruptStore", "UnknownVersion", "print"}
"""Besides every `…Error`: calls whose texts are for people."""

Entry = TypeVar("Entry")
Node = TypeVar("Node", bound=ast.AST)
Plain: TypeAlias = bool | int | float | str | bytes
Replacement: TypeAlias = ast.AST | None
"""None: the statement is left out."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the `choice`th that the `position`th node of the tree allows. Named without line
    numbers, so that the name lasts as long as the line that it is about."""

    path: str
    within: str
    """The function or class that the line is in; "" in the module itself."""
    line: str
    """The text of the line."""
    what: str
    number: int
    position: int
    choice: int

    @property
    def name(self) -> tuple[str, str, str, str]:
        return (self.path, self.within, self.line, self.what)

    def source(self) -> str:
        """The whole module, changed."""
        tree = ast.parse((ROOT / self.path).read_text(encoding="utf-8"))
        seen = walked(tree)[self.position]
        replace(seen.node, seen.parent, list(changes(seen.node, seen.parent))[self.choice][1])
        return ast.unparse(ast.fix_missing_locations(tree))


@dataclass(frozen=True, slots=True)
class Seen:
    """A node of a tree where it was met."""

    node: ast.AST
    parent: ast.AST
    within: str
    number: int
    is_left_alone: bool


def mutants(path: str) -> list[Mutant]:
    """Every change of a module. The same `what` on one line is counted through."""
    source = (ROOT / path).read_text(encoding="utf-8")
    lines = ["", *source.splitlines()]
    found: list[Mutant] = []
    met: Counter[tuple[str, str, str]] = Counter()
    for position, seen in enumerate(walked(ast.parse(source))):
        if seen.is_left_alone:
            continue
        line = lines[seen.number].strip()
        for choice, (what, _) in enumerate(changes(seen.node, seen.parent)):
            met[seen.within, line, what] += 1
            times = met[seen.within, line, what]
            told = what if times == 1 else f"{what} ({times})"
            found.append(Mutant(path, seen.within, line, told, seen.number, position, choice))
    return found


def sample(found: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """`count` of them by the digests of their names: a change elsewhere in a file changes little
    of the choice."""

    def digest(mutant: Mutant) -> bytes:
        return hashlib.sha256(repr((seed, mutant.name)).encode()).digest()

    return sorted(found, key=digest)[:count]


# --- the changes ----------------------------------------------------------------------------------


def changes(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, Replacement]]:
    """(what, the node instead of `node`), always in the same order."""
    if isinstance(node, ast.stmt | ast.ExceptHandler | ast.arguments | ast.comprehension):
        yield from of_statement(node)
    elif isinstance(node, ast.match_case):
        if node.guard is not None:
            yield "without its guard", ast.match_case(node.pattern, None, node.body)
    elif isinstance(node, ast.expr):
        yield from of_expression(node, parent)


def of_statement(
    node: ast.stmt | ast.ExceptHandler | ast.arguments | ast.comprehension,
) -> Iterator[tuple[str, Replacement]]:
    match node:
        case ast.AugAssign(op=op, target=target, value=value):
            other = ARITHMETIC[type(op)]
            yield f"{name(op)}= → {name(other)}=", ast.AugAssign(target, other(), value)
            yield f"{name(op)}= → =", ast.Assign([target], value)
            yield left_out(node)
        case ast.Assign(targets=targets, value=value):
            instead = ast.Constant("" if is_none(value) else None)
            yield f"set to {instead.value!r}", ast.Assign(targets, instead)
            yield left_out(node)
        case ast.AnnAssign(target=target, annotation=kind, value=ast.expr() as value):
            instead = ast.Constant("" if is_none(value) else None)
            simple = node.simple
            yield f"set to {instead.value!r}", ast.AnnAssign(target, kind, instead, simple)
            yield left_out(node)
        case ast.Return(value=ast.expr() as value) if not is_none(value):
            yield "returns None", ast.Return(ast.Constant(None))
        case ast.Return():
            yield left_out(node)
        case ast.Raise() | ast.Delete() | ast.Assert():
            yield left_out(node)
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()):
            yield left_out(node)
        case ast.If(test=test, body=body, orelse=orelse):
            yield f"if {ast.unparse(test)}: always", ast.If(ast.Constant(True), body, orelse)
            yield f"if {ast.unparse(test)}: never", ast.If(ast.Constant(False), body, orelse)
        case ast.While(body=body, orelse=orelse):
            yield "while: never", ast.While(ast.Constant(False), body, orelse)
        case ast.For(target=target, body=body, orelse=orelse):
            yield "for: over nothing", ast.For(target, ast.Tuple([], ast.Load()), body, orelse)
        case ast.Continue():
            yield "continue → break", ast.Break()
            yield left_out(node)
        case ast.Break():
            yield "break → continue", ast.Continue()
            yield left_out(node)
        case ast.ExceptHandler(type=kind, name=told, body=body):
            nothing = ast.Tuple([], ast.Load())
            yield "catches nothing", ast.ExceptHandler(nothing, told, body)
            kinds = kind.elts if isinstance(kind, ast.Tuple) else []
            for one, rest in without_one(kinds):
                fewer = ast.ExceptHandler(ast.Tuple(rest, ast.Load()), told, body)
                yield f"does not catch {ast.unparse(one)}", fewer
        case ast.Match(subject=subject, cases=cases):
            for case, others in without_one(cases):
                yield f"without case {ast.unparse(case.pattern)}", ast.Match(subject, others)
        case ast.FunctionDef(decorator_list=decorators):
            for decorator, rest in without_one(decorators):
                yield f"without @{ast.unparse(decorator)}", with_field(node, "decorator_list", rest)
        case ast.ClassDef(decorator_list=decorators):
            for decorator, rest in without_one(decorators):
                yield f"without @{ast.unparse(decorator)}", with_field(node, "decorator_list", rest)
        case ast.arguments(defaults=defaults, kw_defaults=kw_defaults):
            if defaults:
                yield "first default left out", with_field(node, "defaults", defaults[1:])
            for at, default in enumerate(kw_defaults):
                if default is not None:
                    fewer_defaults = [*kw_defaults[:at], None, *kw_defaults[at + 1 :]]
                    yield (
                        f"{node.kwonlyargs[at].arg} has no default",
                        with_field(node, "kw_defaults", fewer_defaults),
                    )
        case ast.comprehension(ifs=conditions):
            for condition, rest in without_one(conditions):
                yield f"without if {ast.unparse(condition)}", with_field(node, "ifs", rest)


def of_expression(node: ast.expr, parent: ast.AST) -> Iterator[tuple[str, Replacement]]:
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    changed = [*ops[:at], other(), *ops[at + 1 :]]
                    yield f"{name(op)} → {name(other)}", with_field(node, "ops", changed)
        case ast.BoolOp(op=op, values=values):
            other_op = ast.And() if isinstance(op, ast.Or) else ast.Or()
            yield f"{name(op)} → {name(other_op)}", ast.BoolOp(other_op, values)
            for value, rest in without_one(values):
                shorter = rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
                yield f"without `{ast.unparse(value)}`", shorter
        case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
            other_kind = ARITHMETIC[type(op)]
            yield f"{name(op)} → {name(other_kind)}", ast.BinOp(left, other_kind(), right)
        case ast.UnaryOp(op=op, operand=operand):
            yield f"{name(op)} left out", operand
        case ast.IfExp(body=body, orelse=orelse):
            yield "always the first", body
            yield "always the second", orelse
        case ast.Lambda(args=args):
            yield "answers None", ast.Lambda(args, ast.Constant(None))
        case ast.Constant(value=value):
            for instead in other_values(value):
                yield f"{value!r} → {instead!r}", ast.Constant(instead)
        case ast.Call():
            yield from of_call(node)
        case ast.Tuple(elts=entries, ctx=ast.Load()) if not isinstance(parent, ast.ExceptHandler):
            for entry, rest in without_one(entries):
                yield f"without {ast.unparse(entry)}", ast.Tuple(rest, ast.Load())
        case ast.List(elts=entries, ctx=ast.Load()):
            for entry, rest in without_one(entries):
                yield f"without {ast.unparse(entry)}", ast.List(rest, ast.Load())
        case ast.Set(elts=entries):
            for entry, rest in without_one(entries):
                yield f"without {ast.unparse(entry)}", ast.Set(rest)
        case ast.Dict(keys=keys, values=values):
            for at, key in enumerate(keys):
                said = ast.unparse(values[at] if key is None else key)
                left = ast.Dict(keys[:at] + keys[at + 1 :], values[:at] + values[at + 1 :])
                yield f"without {said}", left
        case ast.Slice(lower=lower, upper=upper, step=step):
            for field, bound in (("lower", lower), ("upper", upper), ("step", step)):
                if bound is None:
                    continue
                yield f"without the {field} bound", with_field(node, field, None)
                if not isinstance(bound, ast.Constant):
                    more = ast.BinOp(bound, ast.Add(), ast.Constant(1))
                    yield f"{field} bound + 1", with_field(node, field, more)


def of_call(node: ast.Call) -> Iterator[tuple[str, Replacement]]:
    match node.func:
        case ast.Name(id=called) if called in TWINS:
            twin: ast.expr = ast.Name(TWINS[called], ast.Load())
            yield f"{called} → {TWINS[called]}", with_field(node, "func", twin)
        case ast.Attribute(value=owner, attr=called) if called in TWINS:
            twin = ast.Attribute(owner, TWINS[called], ast.Load())
            yield f"{called} → {TWINS[called]}", with_field(node, "func", twin)
    for at, arg in enumerate(node.args):
        if is_skipped(arg, node):
            continue
        rest = node.args[:at] + node.args[at + 1 :]
        yield f"argument {ast.unparse(arg)} left out", with_field(node, "args", rest)
        if not is_as_none(arg) and not isinstance(arg, ast.Starred):
            changed = [*node.args[:at], ast.Constant(None), *node.args[at + 1 :]]
            yield f"argument {ast.unparse(arg)} → None", with_field(node, "args", changed)
    for keyword, others in without_one(node.keywords):
        yield f"argument {ast.unparse(keyword)} left out", with_field(node, "keywords", others)
        if keyword.arg is not None and not is_as_none(keyword.value):
            instead = ast.keyword(keyword.arg, ast.Constant(None))
            told = [instead if one is keyword else one for one in node.keywords]
            yield f"argument {ast.unparse(keyword)} → None", with_field(node, "keywords", told)


def other_values(value: object) -> list[Plain]:
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [value + 1, value - 1]
        case str():
            return [value + "x", *([""] if value else []), *swapped(value)]
        case bytes():
            return [value + b"x", *([b""] if value else [])]
    return []


def swapped(text: str) -> list[Plain]:
    return [text.swapcase()] if text.swapcase() != text else []


def left_out(node: ast.stmt) -> tuple[str, None]:
    return f"left out: {ast.unparse(node)[:60]}", None


def without_one(entries: Sequence[Entry]) -> Iterator[tuple[Entry, list[Entry]]]:
    for at, entry in enumerate(entries):
        yield entry, [*entries[:at], *entries[at + 1 :]]


def with_field(node: Node, field: str, value: object) -> Node:
    other = copy.copy(node)
    setattr(other, field, value)
    return other


def name(op: object) -> str:
    return op.__name__ if isinstance(op, type) else type(op).__name__


def is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_as_none(node: ast.AST) -> bool:
    """Whether None in its place would mean the same."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


# --- the tree -------------------------------------------------------------------------------------


def is_skipped(node: ast.AST, parent: ast.AST) -> bool:
    """Docstrings, texts for people, types, and what only a type checker reads."""
    match parent:
        case ast.Expr() if isinstance(node, ast.Constant):
            return True
        case ast.AnnAssign(annotation=annotation) if node is annotation:
            return True
        case ast.arg() | ast.JoinedStr() | ast.FormattedValue():
            return True
        case ast.FunctionDef(returns=returns) if node is returns:
            return True
        case ast.Call(func=ast.Name(id=called), args=args) if (
            called.endswith("Error") or called in FOR_PEOPLE
        ):
            is_rule = isinstance(node, ast.Constant) and str(node.value).startswith("R")
            return node in args and not is_rule
        case ast.Call(func=ast.Attribute(attr="__init__")):
            return isinstance(node, ast.JoinedStr)
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            return True
    match node:
        case ast.FunctionDef(name="__repr__"):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log")))):
            return True
    return False


def walked(tree: ast.AST) -> list[Seen]:
    """Every node with its parent, in an order that is the same for equal trees."""
    found: list[Seen] = []
    waiting = [Seen(child, tree, "", 0, False) for child in ast.iter_child_nodes(tree)][::-1]
    while waiting:
        seen = waiting.pop()
        node = seen.node
        number = getattr(node, "lineno", seen.number)
        is_left_alone = seen.is_left_alone or is_skipped(node, seen.parent)
        found.append(Seen(node, seen.parent, seen.within, number, is_left_alone))
        within = seen.within
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            within = f"{within}.{node.name}".lstrip(".")
        children = list(ast.iter_child_nodes(node))
        waiting += [Seen(child, node, within, number, is_left_alone) for child in children[::-1]]
    return found


def replace(node: ast.AST, parent: ast.AST, other: Replacement) -> None:
    instead = ast.Pass() if other is None else copy.deepcopy(other)
    for field, value in ast.iter_fields(parent):
        if value is node:
            setattr(parent, field, instead)
            return
        if isinstance(value, list) and any(entry is node for entry in value):
            setattr(parent, field, [instead if entry is node else entry for entry in value])
            return
    raise AssertionError("a node that its parent does not have")
