"""Typed readers of the environment. Each setting may also come from a file, named by NAME_FILE."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """Return NAME, or the stripped content of the file NAME_FILE, or the default.

    Raises ImproperlyConfigured when nothing is set and there is no default, when both are set,
    or when the file cannot be read. The message names the setting, never its value.
    """
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if path is not None:
        return _read(name, Path(path))
    if value is not None:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set; set it, or name a file in {name}_FILE.")
    return default


def is_set(name: str) -> bool:
    """Whether NAME or NAME_FILE is given, be it empty."""
    return name in os.environ or f"{name}_FILE" in os.environ


def secret_file(name: str, default_file: Path) -> str:
    """Return the secret NAME (or NAME_FILE) or the content of the default file, which `make setup` writes."""
    if is_set(name):
        return text(name)
    if not _exists(name, default_file):
        raise ImproperlyConfigured(f"{name} is not set and {default_file} does not exist; run: make setup")
    return _read(name, default_file)


def _exists(name: str, path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise ImproperlyConfigured(f"{path}, with {name}, cannot be read: {error.strerror}.") from error


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{path}, with {name}, cannot be read: {error.strerror}.") from error


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    """Return NAME, which must be one of the options."""
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """Return NAME as true or false."""
    return choice(name, ("true", "false"), "true" if default else "false") == "true"


def integer(name: str, default: int, *, minimum: int = 0, maximum: int = 2**31) -> int:
    """Return NAME as a whole number within the bounds."""
    try:
        value = int(text(name, str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if not minimum <= value <= maximum:
        raise ImproperlyConfigured(f"{name} must lie between {minimum} and {maximum}.")
    return value


def listing(name: str, default: list[str] | None) -> list[str]:
    """Return NAME split at commas."""
    value = text(name, None if default is None else ",".join(default))
    return [part.strip() for part in value.split(",") if part.strip()]


def json_object(name: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return NAME, a JSON object."""
    try:
        value = json.loads(text(name, json.dumps(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a JSON object.") from error
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return value


def key_ring(name: str, default_file: Path) -> dict[str, str]:
    """Return a ring of keys, `version:base64` a line, newest last; empty when this process has none.

    A process that must not hold a key (the web process and the private keys, say) is started
    without it; the vault then refuses by name.
    """
    if is_set(name):
        content = text(name)
    elif _exists(name, default_file):
        content = _read(name, default_file)
    else:
        return {}
    ring = {}
    for line in content.replace(";", "\n").split():
        version, separator, key = line.partition(":")
        if not separator or not version or not key:
            raise ImproperlyConfigured(f"{name} must hold lines of the form version:base64.")
        ring[version] = key
    return ring


def database(name: str, default: str | None) -> dict[str, Any]:
    """Return Django's description of the database at the URL NAME (sqlite:///file or postgresql://...)."""
    url = urlsplit(text(name, default))
    if url.scheme == "sqlite":
        return _sqlite(unquote(url.path))
    if url.scheme == "postgresql":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": unquote(dict(parse_qsl(url.query)).get("host", url.hostname or "")),
            "PORT": url.port or "",
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"pool": {"min_size": 1, "max_size": 16, "timeout": 30}},
        }
    raise ImproperlyConfigured(f"{name} must begin with sqlite:/// or postgresql://.")


def _sqlite(path: str) -> dict[str, Any]:
    """WAL and IMMEDIATE keep writers from failing each other; secure_delete overwrites what is deleted."""
    pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "".join(f"PRAGMA {pragma};" for pragma in pragmas),
        },
    }
