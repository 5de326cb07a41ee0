"""HTML stands in templates: in Python strings only where the design system draws its smallest parts.

Each page of an officer that no tab or section leads to says where it is.
"""

import ast
import re
from pathlib import Path

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
    "identity_manager/console/help/documents.py": "what Markdown makes of a block of code",
}

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "identity_manager"
OF_AN_OFFICER = re.compile(r'\{% extends "identity_manager/(administration/)?base\.html" %\}')
# A tab, a section of ADMIN or the menu leads to them, or their one button leads back.
WITHOUT_A_WAY_HERE = {
    "administration": {
        *("authorities", "base", "certificate_test", "confirmation", "first_set_up", "jobs", "overview")
    },
    "api_clients": {"clients"},
    "archive": {"recovery_certificates"},
    "audit": {"history"},
    "batch": {"list"},
    "catalogue": {"looks", "profiles", "terms_documents", "types"},
    "configuration": {"start"},
    "directory": {"sources"},
    "events": {"overview"},
    "forms": {"confirmation"},
    "help": {"base"},
    "mail_texts": {"listing"},
    "open_tasks": {"open_tasks"},
    "outbox": {"outbox"},
    "people/roles": {"listing"},
    "recovery": {"recoveries"},
    "requests": {"list"},
    "search": {"search", "selection_refused"},
    "start": {"start"},
    "targets": {"targets"},
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


def test_each_page_below_a_tab_or_a_section_says_where_it_is() -> None:
    texts = {
        path.relative_to(TEMPLATES): path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")
    }
    lost: dict[str, set[str]] = {}
    for path, text in texts.items():
        if OF_AN_OFFICER.match(text) and "{% block breadcrumb %}" not in text:
            lost.setdefault(str(path.parent), set()).add(path.stem)

    assert lost == WITHOUT_A_WAY_HERE
