"""Findings of settings checks, and helpers for host names."""

from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class SettingsFinding(NamedTuple):
    """One inconsistency: code and sentence."""

    code: str
    sentence: str


def base_urls() -> dict[str, str]:
    names = ("CONSOLE_BASE_URL", "SELFSERVICE_BASE_URL", "PKI_BASE_URL")
    return {name: getattr(settings, name) for name in names}


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
