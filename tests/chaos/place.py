"""Where a run lives: a directory and an environment of its own, as a production on one machine has it.

Nothing of Django is imported here: its settings read the environment, which this module makes.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from identity_manager.config import secret_files
from tests.performance.place import KEPT, ROOT
from tests.tools.running import free_port

EXAMPLE = ROOT / "tests" / "production.env"
HOST = "tokens.acme-corporation.net"  # of the example; nothing ever asks a name server for it
BASE_URL = f"https://{HOST}"
PRIVATE = ("KEYS_PRIVATE_KEYS", "KEYS_ARCHIVE", "KEYS_RECOVERY", "KEYS_SHARE_TRANSPORT")
AUDIT = ("AUDIT_KEYS", "AUDIT_SIGNING_KEYS")
RINGS = (*PRIVATE, "KEYS_PASSPHRASES", "KEYS_OTHER", *AUDIT)


@dataclass(frozen=True)
class Place:
    """The directory of a run, and the ports that its servers listen on."""

    directory: Path
    web_ports: tuple[int, ...]
    mail_port: int

    @property
    def logs(self) -> Path:
        """What each process writes."""
        return self.directory / "logs"

    @property
    def received(self) -> Path:
        """What the mail server took."""
        return self.directory / "received"

    @property
    def faults(self) -> Path:
        """The schedule of faults, and the notes of who injected which."""
        return self.directory / "faults"

    @property
    def heads(self) -> Path:
        """The signed heads of the audit log, as exported."""
        return self.directory / "audit-heads.jsonl"

    def make(self) -> None:
        """The directories, closed to others, and the secrets."""
        for name in ("secrets", "data", "run", "ca", "logs", "received", "faults", "broker"):
            (self.directory / name).mkdir(parents=True, mode=0o700)
        secret_files.make(self.directory / "secrets")

    def environment(self, *, database_url: str, broker_url: str) -> dict[str, str]:
        """What a process is started with that may have every key: the workers, and commands."""
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        text = EXAMPLE.read_text(encoding="utf-8").replace("${SECRETS_DIR}", str(self.directory / "secrets"))
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        example = dict(line.split("=", 1) for line in lines)
        own = {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "VAR_DIR": str(self.directory),
            "SECRETS_DIR": str(self.directory / "secrets"),
            "CHAOS_FAULTS": str(self.faults),
            "DATABASE_URL": database_url,
            "ALLOW_SQLITE": "true",
            "BROKER_URL": broker_url,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.mail_port),
            "SMTP_SECURITY": "none",
            "SMTP_TIMEOUT": "3",
            "AUDIT_HEAD_EXPORT": f"file:{self.heads}",
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
        }
        return {**kept, **example, **own}


def new(directory: Path) -> Place:
    """A place with free ports, two for web processes."""
    return Place(directory, (free_port(), free_port()), free_port())


def without(environment: dict[str, str], rings: tuple[str, ...]) -> dict[str, str]:
    """The environment of a process that must not hold these keys."""
    files = {f"{ring}_FILE" for ring in rings}
    return {name: value for name, value in environment.items() if name not in files} | dict.fromkeys(
        rings, ""
    )
