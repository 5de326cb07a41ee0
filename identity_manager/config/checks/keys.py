"""Checks of key rings, and of the permissions of secret files."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings

from identity_manager.config import env, sso
from identity_manager.config.checks.finding import SettingsFinding
from identity_manager.vault.key_references import is_reference

KEY_BYTES = 32  # AES-256
RINGS = {"private-keys": "KEYS_PRIVATE_KEYS", "passphrases": "KEYS_PASSPHRASES", "other": "KEYS_OTHER"}
# An installation that archives no keys has none of these.
ARCHIVE_RINGS = {
    "archive": "KEYS_ARCHIVE",
    "recovery-keys": "KEYS_RECOVERY",
    "share-transport": "KEYS_SHARE_TRANSPORT",
}
# Settings whose NAME_FILE must not be readable by others.
AUDIT_RINGS = ("AUDIT_KEYS", "AUDIT_SIGNING_KEYS")
SECRET_SETTINGS = (
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "BROKER_URL",
    "BROKER_PASSWORD",
    "SMTP_PASSWORD",
    "REPORT_MAILBOX_PASSWORD",
    "ANYMAIL",
    "METRICS_TOKEN",
    "CERTIFICATE_PROXY_SECRET",
    "SENTRY_DSN",
    "HTTPS_PROXY_URL",
    *RINGS.values(),
    *ARCHIVE_RINGS.values(),
    *AUDIT_RINGS,
)


def findings() -> Iterator[SettingsFinding]:
    """Missing or malformed key rings, and secret files that others can read."""
    for purpose, name in RINGS.items():
        yield from _ring(name, settings.VAULT_KEYS[purpose], elsewhere=True)
    for purpose, name in ARCHIVE_RINGS.items():
        yield from _keys(name, settings.VAULT_KEYS[purpose], elsewhere=purpose != "share-transport")
    yield from _services()
    for name in AUDIT_RINGS:
        yield from _ring(name, getattr(settings, name))
    yield from _secret_files()


def rings_of_pages() -> Iterator[SettingsFinding]:
    """Least privilege: only processes that need a ring hold it; the demo's developer server may hold all."""
    rings, shows_passphrases = settings.VAULT_KEYS, "selfservice" in settings.PORTALS
    if shows_passphrases and not rings["passphrases"]:
        yield SettingsFinding(
            "E306", "Self-Service shows passphrases and needs KEYS_PASSPHRASES, which is empty."
        )
    if settings.EMBEDDED:
        return
    if rings["private-keys"]:
        yield SettingsFinding(
            "E307",
            "A process that serves pages must not hold private keys; give it an empty KEYS_PRIVATE_KEYS.",
        )
    for name in [name for purpose, name in ARCHIVE_RINGS.items() if rings[purpose]]:
        yield SettingsFinding(
            "E317", f"A process that serves pages must not hold archived keys; give it an empty {name}."
        )
    if rings["passphrases"] and not shows_passphrases:
        yield SettingsFinding(
            "E308",
            "Identity Manager alone shows no passphrase and must not hold them; "
            "give it an empty KEYS_PASSPHRASES.",
        )


def _services() -> Iterator[SettingsFinding]:
    """Rings that refer to a key service or HSM need its connection settings."""
    references = [key for ring in settings.VAULT_KEYS.values() for key in ring.values()]
    service, hsm = settings.KEY_SERVICE, settings.KEYS_HSM
    needed = {
        "transit:": {"KEY_SERVICE_URL": service.url, "KEY_SERVICE_TOKEN_FILE": service.token_file},
        "pkcs11:": {
            "KEYS_HSM_MODULE": hsm.module,
            "KEYS_HSM_TOKEN": hsm.token,
            "KEYS_HSM_PIN_FILE": hsm.pin_file,
        },
    }
    for beginning, values in needed.items():
        missing = [name for name, value in values.items() if not value]
        if missing and any(key.startswith(beginning) for key in references):
            yield SettingsFinding(
                "E322", f"A ring of keys refers to {beginning}..., and {', '.join(missing)} is not set."
            )


def _ring(name: str, ring: Mapping[str, str], *, elsewhere: bool = False) -> Iterator[SettingsFinding]:
    """A ring may be empty only explicitly, for a process that must not hold these keys."""
    if not ring and not env.is_set(name):
        yield SettingsFinding(
            "E302",
            f"{name} is missing: set it, or name a file in {name}_FILE; "
            "give an empty value to a process that must not hold these keys.",
        )
    yield from _keys(name, ring, elsewhere=elsewhere)


def _keys(name: str, ring: Mapping[str, str], *, elsewhere: bool = False) -> Iterator[SettingsFinding]:
    """Malformed keys of a ring. elsewhere: references to a key service or HSM are permitted."""
    for version, key in ring.items():
        if elsewhere and is_reference(key):
            continue
        if not env.is_base64(key, size=KEY_BYTES):
            yield SettingsFinding(
                "E303", f"Version {version} of {name} is not a key: it must be {KEY_BYTES} bytes in base64."
            )


def _secret_files() -> Iterator[SettingsFinding]:
    """Our own files are for their owner only; mounted ones may be group-readable, as in Kubernetes."""
    directory = Path(settings.SECRETS_DIR)
    own = list(directory.iterdir()) if directory.is_dir() else []
    named = [Path(os.environ[name]) for name in _file_variables() if name in os.environ]
    for path in sorted({*own, *named}):
        forbidden = stat.S_IRWXO if path in named else stat.S_IRWXG | stat.S_IRWXO
        if path.is_file() and path.stat().st_mode & forbidden:
            yield SettingsFinding(
                "E304", f"{path} holds a secret and others can read it; run: chmod 600 {path}"
            )


def _file_variables() -> Iterator[str]:
    secrets = (*SECRET_SETTINGS, *map(sso.secret_setting, settings.SSO_PROVIDERS))
    return (f"{name}_FILE" for name in secrets)
