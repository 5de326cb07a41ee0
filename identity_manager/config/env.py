"""Typed readers of the environment. Each setting may also come from a file, named by NAME_FILE."""

import json
import os
import ssl
from base64 import b64decode
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config.database import url as database_url
from identity_manager.vault.key_ring import KeyRing, KeyRingError, files_of


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
    """Whether NAME or NAME_FILE is set, also to an empty value."""
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
    except UnicodeDecodeError:
        # Without the error, which has in it what the file holds.
        raise ImproperlyConfigured(f"{path}, with {name}, does not hold UTF-8.") from None


def readable(name: str, path: str) -> str:
    """Return the path of a file, which NAME names, if this process can read it."""
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise ImproperlyConfigured(f"{path}, with {name}, cannot be read: {error.strerror}.") from error


def certificates(name: str, default: str) -> str:
    """Return NAME, the path of a file with certificates (PEM); it may be empty."""
    path = text(name, default)
    if path:
        try:
            ssl.create_default_context(cafile=readable(name, path))
        except ssl.SSLError as error:
            raise ImproperlyConfigured(f"{path}, with {name}, holds no certificates in PEM.") from error
    return path


def certificates_in(name: str, default: str) -> tuple[bytes, ...]:
    """Return the certificates (DER) in the file that NAME names; none where it is empty."""
    path = certificates(name, default)
    if not path:
        return ()
    found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    return tuple(each.public_bytes(Encoding.DER) for each in found)


def proxy(name: str, default: str) -> str:
    """Return NAME, the URL of a proxy; it may be empty. The message never has it: it may hold a password."""
    value = text(name, default).rstrip("/")
    url = _parts(value)
    if value and (url is None or url.scheme != "http" or not url.hostname or not url.port or url.path):
        raise ImproperlyConfigured(
            f"{name} must be http://host:port, with user:password@ before the host where the proxy asks."
        )
    return value


def service_url(name: str, default: str) -> str:
    """Return NAME, an https URL without a path, or http on this machine; it may be empty."""
    value = text(name, default).rstrip("/")
    url = _parts(value)
    is_here = url is not None and url.hostname in {"127.0.0.1", "::1", "localhost"}
    schemes = {"https", "http"} if is_here else {"https"}
    if value and (url is None or url.scheme not in schemes or not url.hostname or url.path or url.username):
        raise ImproperlyConfigured(f"{name} must be https://host:port, without a path.")
    return value


def directory(name: str, default: Path) -> Path:
    """Return NAME, a directory; empty is refused, as it would mean the current directory."""
    value = text(name, str(default))
    if not value.strip():
        raise ImproperlyConfigured(f"{name} must name a directory.")
    return Path(value)


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    """Return NAME, which must be one of the options."""
    value = text(name, default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """Return NAME as true or false; 1 and 0 say the same."""
    value = choice(name, ("true", "false", "1", "0"), "true" if default else "false")
    return value in {"true", "1"}


def integer(name: str, default: int, *, minimum: int = 0, maximum: int = 2**31) -> int:
    """Return NAME as a whole number within the bounds."""
    try:
        value = int(text(name, str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if not minimum <= value <= maximum:
        raise ImproperlyConfigured(f"{name} must lie between {minimum} and {maximum}.")
    return value


def integers(name: str, default: list[int], *, minimum: int, maximum: int) -> list[int]:
    """Return NAME, whole numbers within the bounds, split at commas; "none" is the empty list."""
    value = text(name, ",".join(map(str, default)))
    if value == "none":
        return []
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be whole numbers, separated by commas, or none.") from error
    if any(not minimum <= number <= maximum for number in numbers):
        raise ImproperlyConfigured(f"Each number of {name} must lie between {minimum} and {maximum}.")
    return numbers


def listing(name: str, default: list[str] | None) -> list[str]:
    """Return NAME split at commas."""
    value = text(name, None if default is None else ",".join(default))
    return [part.strip() for part in value.split(",") if part.strip()]


def choices(name: str, options: tuple[str, ...]) -> list[str]:
    """Return NAME split at commas, at least one of the options; all of them by default."""
    chosen = listing(name, list(options))
    if not chosen or not set(chosen) <= set(options):
        raise ImproperlyConfigured(f"{name} must be one or more of {', '.join(options)}.")
    return [option for option in options if option in chosen]


def base_url(name: str, default: str | None) -> str:
    """Return NAME, scheme and host (and port) of a URL, without a slash at its end.

    It may be empty where that is the default.
    """
    value = text(name, default).rstrip("/")
    if not value and default == "":
        return value
    url = _parts(value)
    if url is None or url.scheme not in {"http", "https"} or value != f"{url.scheme}://{url.netloc}":
        raise ImproperlyConfigured(f"{name} must be https:// and a host name, without a path.")
    return value


def web_address(name: str, default: str | None) -> str:
    """Return NAME, a URL that may have a path, without a slash at its end."""
    value = text(name, default).rstrip("/")
    url = _parts(value)
    if url is None or url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
        raise ImproperlyConfigured(f"{name} must be http:// or https:// and a host name.")
    return value


def _parts(value: str) -> SplitResult | None:
    """The parts of a URL; None where its host or its port is none."""
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        return None
    return url


def time_zone(name: str, default: str) -> str:
    """Return NAME, a time zone of this machine."""
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (OSError, ValueError, ZoneInfoNotFoundError) as error:
        raise ImproperlyConfigured(
            f"{name} must be a time zone that this machine knows, such as Europe/Berlin."
        ) from error
    return value


def networks(name: str, default: list[str]) -> list[str]:
    """Return NAME, IP addresses and networks (10.0.0.0/8), split at commas."""
    value = listing(name, default)
    for part in value:
        try:
            ip_network(part)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must hold IP addresses and networks; {error}.") from error
    return value


def json_object(name: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return NAME, a JSON object."""
    try:
        value = json.loads(text(name, json.dumps(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a JSON object.") from error
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return value


def public_keys(name: str, default: list[str]) -> list[str]:
    """Return NAME, public keys of 32 bytes in base64, separated by commas."""
    found = listing(name, default)
    for each in found:
        if not is_base64(each, size=32):
            raise ImproperlyConfigured(f"{name} must hold public keys of 32 bytes in base64.")
    return found


def is_base64(value: str, *, size: int) -> bool:
    """Whether the text is so many bytes in base64."""
    try:
        return len(b64decode(value, validate=True)) == size
    except ValueError:
        return False


def key_ring(name: str, default_file: Path, *, optional: bool = False) -> KeyRing:
    """Return a ring of keys, `version:base64` a line, newest last; empty when this process has none.

    A ring from a file is read again when the file, or that of a later epoch beside it, changes. A process
    that must not hold a key (the web process and the private keys, say) is started without it; the vault
    then refuses by name. optional: the named file may be missing, as before an installation archives keys.
    """
    given = os.environ.get(f"{name}_FILE")
    try:
        if given is None and is_set(name):
            return KeyRing.fixed(text(name))
        if given is not None and name in os.environ:
            text(name)  # refuses both
        path = Path(given) if given is not None else default_file
        if given is not None and not optional and not files_of(path):
            _read(name, path)  # refuses what is not there
        return KeyRing.of_files(path)
    except KeyRingError as error:
        raise ImproperlyConfigured(f"{name} {error}.") from error
    except OSError as error:
        raise ImproperlyConfigured(
            f"{default_file}, with {name}, cannot be read: {error.strerror}."
        ) from error


def database(name: str, default: str | None) -> dict[str, Any]:
    """Return Django's description of the database at the URL NAME (sqlite:///file or postgresql://...)."""
    return database_url.description(name, text(name, default))
