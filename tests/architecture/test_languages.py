"""No language stands in the code; xgettext finds every string. Catalogues say which languages there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from identity_manager.config.languages import SOURCE
from tests.architecture.source import modules

# Each with its reason; one that is used no more fails.
ALLOWED = {
    "identity_manager/models/person_search/name_order.py": "the letters that a language has after Z",
    "identity_manager/config/languages.py": "the language in which the product is written",
    "identity_manager/models/catalogue/former_columns.py": "the columns of release 1.0",
    "identity_manager/demo/cast.py": "what the persons of the demo speak",
    "identity_manager/demo/names.py": "what the persons of the demo speak",
}
LANGUAGES = {SOURCE, *(path.name for path in Path("locale").iterdir())}
NAMED_AFTER_ONE = re.compile(rf"\w+_({'|'.join(sorted(LANGUAGES))})")


def languages_in(tree: ast.AST) -> Iterator[str]:
    """Each constant that is a language, and each name that ends with one."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if text in LANGUAGES:
                yield text
            case (
                ast.Constant(value=str(name))
                | ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.arg(arg=name)
                | ast.keyword(arg=str(name))
            ) if NAMED_AFTER_ONE.fullmatch(name):
                yield name


def test_no_language_stands_in_the_code() -> None:
    found = {module.path.as_posix(): set(languages_in(module.tree)) for module in modules()}
    named = {path: words for path, words in found.items() if words}
    assert {path: words for path, words in named.items() if path not in ALLOWED} == {}
    assert set(ALLOWED) == set(named), "these exceptions are used no more"


def test_a_language_in_the_code_is_found() -> None:
    code = 'x = row.name_de\ny = {"en": 1}\nz = f(title_en=2)\nitem = made_open(hidden="den")\n'
    assert set(languages_in(ast.parse(code))) == {"name_de", "en", "title_en"}


def unseen_by_xgettext(tree: ast.AST) -> Iterator[str]:
    """Names under which a function of gettext is imported, but for which makemessages does not look."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            yield from (each.asname for each in node.names if each.asname not in (None, "_"))


def test_every_string_is_found_by_makemessages() -> None:
    found = {module.path.as_posix(): set(unseen_by_xgettext(module.tree)) for module in modules()}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_name_that_makemessages_does_not_know_is_found() -> None:
    code = "from django.utils.translation import gettext, gettext_lazy as _, pgettext as said\n"
    assert set(unseen_by_xgettext(ast.parse(code))) == {"said"}
