"""Gives functions in memory other code, so that no file is touched and nothing starts anew."""

import ast
import gc
import importlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType

Place = tuple[str, str, int]


class Functions:
    """The functions of these modules that are in memory, by file, qualified name and first line."""

    def __init__(self, modules: Sequence[Path], root: Path) -> None:
        for path in modules:
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            importlib.import_module(name.removesuffix(".__init__"))
        files = {str(path) for path in modules}
        self._functions: dict[Place, list[FunctionType]] = defaultdict(list)
        gc.unfreeze()  # what the tests' conftest has frozen is not listed
        for each in gc.get_objects():
            # isinstance would evaluate lazy objects
            if type(each) is FunctionType and each.__code__.co_filename in files:
                self._functions[_place(each.__code__)].append(each)
        gc.freeze()

    def replace(self, path: Path, tree: ast.Module, name: str = "") -> bool:
        """Give the module's functions, or one with its inner ones, the tree's code; False: none is there."""
        found = False
        codes = list(_codes(compile(tree, str(path), "exec")))
        places = Counter(_place(code) for code in codes)  # lambdas of one line cannot be told apart
        for code in codes:
            if not name or code.co_qualname == name or code.co_qualname.startswith(f"{name}.<locals>."):
                for each in self._functions.get(_place(code), ()) if places[_place(code)] == 1 else ():
                    each.__code__ = code
                    found = True
        return found


def _place(code: CodeType) -> Place:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)
