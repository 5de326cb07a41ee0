"""docs/reference/refusals.md: every reason that a verb can give, read from the source."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Module, modules
from tests.documents import markdown


def page() -> str:
    """The reasons by the module that gives them."""
    parts = []
    for module in modules("identity_manager", "selfservice"):
        rows = sorted(set(_reasons(module)))
        if rows:
            table = markdown.table(("code", "sentence", "to the person whom it is about, where other"), rows)
            parts.append(markdown.section(markdown.code(module.path.as_posix()), table))
    return markdown.page("reference/refusals.md", *parts)


def _reasons(module: Module) -> Iterator[tuple[str, str, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            code, sentence, *own = node.args
            if isinstance(code, ast.Constant):
                yield markdown.code(code.value), _said(sentence), "".join(map(_said, own))


def _said(node: ast.expr) -> str:
    """The sentence, of which several may stand in the expression; empty where it is made elsewhere."""
    said = [
        str(each.args[0].value)
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and ast.unparse(each.func) in {"_", "ngettext", "gettext"}
        if isinstance(each.args[0], ast.Constant)
    ]
    return " / ".join(said)
