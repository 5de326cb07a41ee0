"""Generate the secrets of the embedded mode, one file each. Runs without the settings, which need them.

    python -m identity_manager.config.secret_files

Writes into SECRETS_DIR (default VAR_DIR/secrets, default var/secrets): the directory has mode 0700,
each file 0600, and a file that exists is never written again, so that nothing sealed is lost.
"""

import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env
from identity_manager.vault.key_ring import KEY_BYTES, files_of, new_key, write


def directory() -> Path:
    """SECRETS_DIR, the directory of the secrets of the embedded mode."""
    root = Path(__file__).resolve().parent.parent.parent
    var = env.directory("VAR_DIR", root / "var")
    return env.directory("SECRETS_DIR", var / "secrets").resolve()


def make(where: Path) -> list[Path]:
    """Write those secret files that do not exist yet into the directory; return them.

    Raises OSError when the directory cannot be made or a file cannot be written.
    """
    where.mkdir(parents=True, exist_ok=True)
    where.chmod(0o700)
    missing = [(where / name, value) for name, value in _CONTENTS.items() if _is_missing(where / name)]
    for path, value in missing:
        write(path, f"{value()}\n")
    return [path for path, _ in missing]


def _is_missing(path: Path) -> bool:
    """Whether the secret is missing. A ring whose first epoch was destroyed has files of later ones."""
    return not files_of(path)


def _ring() -> str:
    """The first line of a key ring: its version and 32 random bytes in base64."""
    return f"1:{new_key()}"


def _secret_key() -> str:
    return secrets.token_urlsafe(64)


def _passphrase() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


_CONTENTS: dict[str, Callable[[], str]] = {
    "secret-key": _secret_key,
    "kek-private-keys": _ring,
    "kek-passphrases": _ring,
    "kek-other": _ring,
    "kek-archive": _ring,
    "kek-recovery-keys": _ring,
    "kek-share-transport": _ring,  # any 32 octets are an X25519 key (RFC 7748 5)
    "audit-keys": _ring,
    "audit-signing-keys": _ring,
    "ca-corporate-passphrase": _passphrase,
    "ca-corporate-ocsp-passphrase": _passphrase,
}


def main() -> None:
    """Generate missing secrets and print the directory."""
    try:
        where = directory()
        made = make(where)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The secrets cannot be written to {error.filename}: {error.strerror}.")
    if made:
        sys.stdout.write(f"Made {len(made)} secrets in {where}.\n")


if __name__ == "__main__":
    main()
