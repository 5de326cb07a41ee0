"""docs/reference/permissions.md: who may open and do what, from the table of addresses of the tests."""

import inspect

from django.urls import URLPattern
from django.utils.translation import override

from identity_manager.console.people.roles.role_words import MAY
from identity_manager.models import OFFERED_ROLES, Role
from identity_manager.people.officers.role_conflicts import CONFLICTS
from tests.architecture.url_table import (
    NOBODY,
    OWNER,
    PUBLIC,
    SIGNED_IN,
    TABLE,
    USERS,
    Row,
    Visitor,
    addresses,
)
from tests.documents import markdown

SHORT = {
    Visitor.ADMINISTRATOR: "Token adm.",
    Visitor.APPROVER: "Approver",
    Visitor.REGISTRATION: "Registration",
    Visitor.USERS: "User adm.",
    Visitor.RECOVERY: "Recovery",
    Visitor.AUDITOR: "Auditor",
    Visitor.SYSTEM: "System adm.",
}
WHOM = {
    PUBLIC: "everybody",
    SIGNED_IN: "who is signed in",
    USERS: "every Self-Service User",
    OWNER: "its owner",
    NOBODY: "",
}


def page() -> str:
    """The roles, what excludes what, and every address by portal."""
    with override("en"):
        return markdown.page(
            "reference/permissions.md", _roles(), _conflicts(), _officers(), _persons(), _others()
        )


def _roles() -> str:
    rows = [(str(role.label), markdown.code(role.value), str(MAY[role])) for role in OFFERED_ROLES]
    return markdown.section("Roles", markdown.table(("role", "in files and groups", "may"), rows))


def _conflicts() -> str:
    lead = "Separation of duties: a person has only one of them, unless `ALLOW_CONFLICTING_ROLES` is set."
    rows = []
    for pair, why in CONFLICTS.items():
        one, other = sorted(pair, key=list(Role).index)
        rows.append((str(one.label), str(other.label), str(why)))
    return markdown.section("Conflicting roles", lead, markdown.table(("role", "role", "why"), sorted(rows)))


def _officers() -> str:
    lead = "**opens**: may read. **acts**: may also send the form. Self-Service Users have no access."
    rows = [_officers_row(row) for row in TABLE if row.name.startswith("console:")]
    return markdown.section(
        "Identity Manager", lead, markdown.table(("address", "what it is", *SHORT.values()), rows)
    )


def _officers_row(row: Row) -> tuple[str, ...]:
    marks = ("acts" if visitor in row.posts else "opens" if visitor in row.opens else "" for visitor in SHORT)
    return (*_address(row), *marks)


def _persons() -> str:
    lead = "Everybody but the owner of an object gets 404. Other roles have no access."
    return markdown.section("Self-Service", lead, _by_whom("selfservice:"))


def _others() -> str:
    lead = "URLs of sign-in, of machine interfaces, and (`mailbox/`, `ui/`) of the embedded mode only."
    names = [row.name for row in TABLE if not row.name.startswith(("console:", "selfservice:"))]
    return markdown.section("Everything else", lead, _by_whom(*names))


def _by_whom(*prefixes: str) -> str:
    rows = [
        (*_address(row), WHOM[row.opens], WHOM[row.posts]) for row in TABLE if row.name.startswith(prefixes)
    ]
    return markdown.table(("address", "what it is", "opens", "acts"), rows)


def _address(row: Row) -> tuple[str, str]:
    route, pattern = _patterns()[row.name]
    return markdown.code(f"/{route}"), _what(pattern) or markdown.code(row.name)


def _what(pattern: URLPattern) -> str:
    """The first sentence of the view's docstring, where the view is ours."""
    view = inspect.unwrap(pattern.callback)
    ours = view.__module__.startswith(("identity_manager", "selfservice", "ca_bridge"))
    text = inspect.getdoc(view) if ours and inspect.isfunction(view) else ""
    return " ".join((text or "").partition("\n\n")[0].split())


def _patterns() -> dict[str, tuple[str, URLPattern]]:
    return {name: (route, pattern) for name, route, pattern in addresses()}
