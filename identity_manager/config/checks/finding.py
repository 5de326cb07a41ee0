"""What a check of the settings yields, and the hosts that it reads."""

from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class SettingsFinding(NamedTuple):
    """One thing that does not fit."""

    code: str
    sentence: str


def base_urls() -> dict[str, str]:
    names = ("CONSOLE_BASE_URL", "SELFSERVICE_BASE_URL", "PKI_BASE_URL")
    return {name: getattr(settings, name) for name in names}


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
