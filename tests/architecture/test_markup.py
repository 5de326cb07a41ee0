"""HTML stands in templates: in Python strings only where the design system draws its smallest parts."""

import ast
import re

from tests.architecture.source import Module, modules

FOLDERS = ("identity_manager/console/", "identity_manager/ui/", "selfservice/")
TAG = re.compile(
    r"</?(a|abbr|article|b|bdi|br|button|code|col|dd|details|dialog|div|dl|dt|em|fieldset|figure|form|h[1-6]|"
    r"hr|i|img|input|label|li|main|nav|ol|optgroup|option|p|pre|script|section|select|small|span|strong|style|"
    r"summary|sup|svg|table|tbody|td|textarea|th|thead|time|tr|ul|use|wbr)(\s[^<>]*)?/?>"
)
NAMED = {
    "identity_manager/ui/templatetags/badges.py": "symbols and states",
    "identity_manager/ui/templatetags/blocks.py": "what frames the content of a block",
    "identity_manager/ui/templatetags/lists.py": "the check box of a row",
    "identity_manager/ui/templatetags/moments.py": "moments, with the exact one behind",
    "identity_manager/ui/templatetags/persons.py": "a person in a row of a list",
    "identity_manager/ui/templatetags/texts.py": "text that breaks, or is as it is",
    "identity_manager/ui/templatetags/frame.py": "the tabs of both portals, on every page",
    "identity_manager/ui/cells.py": "what cells of lists are drawn from",
    "identity_manager/ui/forms.py": "controls, which every form draws",
    "identity_manager/console/templatetags/passages.py": "what has changed within a passage",
    "identity_manager/console/catalogue/pages.py": "lines of a value, one below the other",
    "identity_manager/console/help/documents.py": "what Markdown makes of a block of code",
}


def strings_with_tags(module: Module) -> list[str]:
    """Strings with an HTML tag, but for docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        ast.get_docstring(node, clean=False) for node in module.nodes if isinstance(node, documented)
    }
    strings = (
        node.value for node in module.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return [each for each in strings if each not in docstrings and TAG.search(each)]


def test_no_html_stands_in_a_string() -> None:
    found = {
        str(module.path): strings
        for module in modules()
        if str(module.path).startswith(FOLDERS) and (strings := strings_with_tags(module))
    }

    assert {path: strings for path, strings in found.items() if path not in NAMED} == {}
    assert NAMED.keys() <= found.keys()
