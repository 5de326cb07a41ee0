"""The mutants of a module: its syntax tree with one small fault in a function."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
NARROWING = {"filter", "exclude", "get", "update", "get_or_create"}
SYMMETRIC = {"max", "min"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Change = Callable[[], None]


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is, what is changed, and the number by which mutated() makes it again."""

    path: str
    function: str
    line: int
    fault: str
    number: int
    earlier: int  # faults of the same words in the same function

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}: {self.fault}"

    @property
    def name(self) -> str:
        """Stays when lines move and when other functions change."""
        return f"{self.path} {self.function}: {self.fault}" + f" ({self.earlier})" * bool(self.earlier)


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of the source."""
    tree = ast.parse(path.read_bytes())
    name = str(path.relative_to(root))
    met: Counter[tuple[str, str]] = Counter()
    found = []
    for number, (function, line, fault, _change) in enumerate(_faults(tree)):
        found.append(Mutant(name, function, line, fault, number, met[function, fault]))
        met[function, fault] += 1
    return found


def mutated(mutant: Mutant, root: Path) -> ast.Module:
    """The module's tree with the fault in it."""
    tree = ast.parse((root / mutant.path).read_bytes())
    for number, (*_where, change) in enumerate(_faults(tree)):
        if number == mutant.number:
            change()
            return ast.fix_missing_locations(tree)
    raise LookupError(mutant)


def with_notes(path: Path, root: Path, note: str) -> ast.Module:
    """The module's tree; each function first calls `note` with the file's path and its own name."""
    tree = ast.parse(path.read_bytes())
    for qualified, function in _functions(tree.body, ""):
        call = ast.parse(f"{note}({f'{path.relative_to(root)}:{qualified}'!r})").body[0]
        for node in ast.walk(call):
            ast.copy_location(node, function.body[0])
        function.body.insert(0, call)
    return tree


def _faults(tree: ast.Module) -> Iterator[tuple[str, int, str, Change]]:
    for qualified, function in _functions(tree.body, ""):
        for body in _bodies(function):
            for statement in body:
                for line, fault, change in (*_removals(body, statement), *_expressions(statement)):
                    yield qualified, line, fault, change


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    """Functions of the module and methods of its classes; what is nested belongs to the outer one."""
    for node in body:
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements below a node, its own first."""
    for name in ("body", "orelse", "finalbody"):
        statements = getattr(node, name, None)
        if isinstance(statements, list):
            yield statements
            for each in statements:
                yield from _bodies(each)
    for handler in getattr(node, "handlers", ()):
        yield from _bodies(handler)


def _removals(body: list[ast.stmt], statement: ast.stmt) -> Iterator[tuple[int, str, Change]]:
    """The statement left out, where it raises, returns or calls something that is no log line."""
    text = ast.unparse(statement).splitlines()[0]
    is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.Raise | ast.Return) or (is_call and not text.startswith("logger.")):
        if text == "return" and statement is body[-1]:
            return

        def remove() -> None:
            body[body.index(statement)] = ast.copy_location(ast.Pass(), statement)

        yield statement.lineno, f"without `{text}`", remove


def _expressions(statement: ast.stmt) -> Iterator[tuple[int, str, Change]]:
    """Faults in the statement's own expressions, not in those of the statements below it."""
    if isinstance(statement, Function | ast.ClassDef | ast.Assert) or _is_log_line(statement):
        return
    for node in _own_nodes(statement):
        yield from ((node.lineno, *fault) for fault in _faults_of(node))


def _is_log_line(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("logger.")


def _own_nodes(node: ast.AST) -> Iterator[ast.expr]:
    skipped = {"annotation", "returns"}
    for name, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.expr) and name not in skipped:
                yield each
            if isinstance(each, ast.AST) and not isinstance(each, ast.stmt) and name not in skipped:
                yield from _own_nodes(each)


def _faults_of(node: ast.expr) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[old]) if type(old) in COMPARISONS:
            new = COMPARISONS[type(old)]()
            yield f"`{ast.unparse(node)}` with {type(new).__name__}", lambda: setattr(node, "ops", [new])
        case ast.BoolOp(op=old):
            other = ast.Or() if isinstance(old, ast.And) else ast.And()
            yield f"`{ast.unparse(node)}` with {type(other).__name__}", lambda: setattr(node, "op", other)
        case ast.UnaryOp(op=ast.Not()):
            same = ast.UnaryOp(op=ast.Not(), operand=node.operand)
            yield f"`{ast.unparse(node)}` without not", lambda: setattr(node, "operand", same)
        case ast.IfExp():
            parts = node.body, node.orelse
            yield f"`{ast.unparse(node)}` swapped", lambda: _swap(node, parts)
        case ast.Constant(value=bool(old_truth)):
            yield f"{not old_truth} for {old_truth}", lambda: setattr(node, "value", not old_truth)
        case ast.Constant(value=int(old_number)):
            yield f"{old_number + 1} for {old_number}", lambda: setattr(node, "value", old_number + 1)
        case ast.Call():
            yield from _faults_of_call(node)


def _faults_of_call(node: ast.Call) -> Iterator[tuple[str, Change]]:
    text = ast.unparse(node)
    if isinstance(node.func, ast.Attribute) and node.func.attr in NARROWING:
        for keyword in node.keywords:
            if keyword.arg:
                yield f"`{text}` without {keyword.arg}", lambda gone=keyword: node.keywords.remove(gone)
    if (
        len(node.args) == 2
        and text.partition("(")[0] not in SYMMETRIC
        and not any(isinstance(each, ast.Starred) for each in node.args)
    ):
        yield f"`{text}` with its arguments swapped", lambda: setattr(node, "args", node.args[::-1])


def _swap(node: ast.IfExp, parts: tuple[ast.expr, ast.expr]) -> None:
    node.orelse, node.body = parts
