"""URL cache of the links in the frame of every page: `reverse` for each took a fifteenth of a page."""

from functools import lru_cache

from django.urls import NoReverseMatch, URLResolver, get_resolver, get_script_prefix, get_urlconf, reverse

# What templates call them, and the names of their URL patterns.
PATTERNS = {
    "start": "console:start",
    "search": "console:search",
    "approvals": "console:approvals",
    "requests": "console:requests",
    "batch_orders": "console:batch-orders",
    "outbox": "console:outbox",
    "key_archive": "console:recovery-certificates",
    "admin": "console:admin",
    "dashboard": "selfservice:dashboard",
    "own_tasks": "selfservice:open-tasks",
    "certificates": "selfservice:certificates",
    "own_requests": "selfservice:requests",
    "account": "account",
    "sign_out": "account_logout",
    "set_language": "set_language",
    "mailbox": "mailbox:list",
    "keys": "keys",
}


def frame_addresses() -> dict[str, str]:
    """The addresses by the keys of PATTERNS; empty where this process does not serve the page."""
    return _found(get_resolver(get_urlconf()), get_script_prefix())


@lru_cache(maxsize=8)
def _found(_resolver: URLResolver, _prefix: str) -> dict[str, str]:
    return {key: _address(name) for key, name in PATTERNS.items()}


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
