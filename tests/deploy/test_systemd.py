"""The units for a plain machine: what systemd says of them, what each process holds, what the proxy does."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.deploy import commands, units
from tests.tools.running import free_port

HOST = "tokens.your-domain"
RINGS = (
    *("KEYS_PRIVATE_KEYS", "KEYS_ARCHIVE", "KEYS_RECOVERY", "KEYS_SHARE_TRANSPORT"),
    *("KEYS_PASSPHRASES", "KEYS_OTHER"),
    *("AUDIT_KEYS", "AUDIT_SIGNING_KEYS"),
)
HELD = {
    "web": {"KEYS_PASSPHRASES", "KEYS_OTHER"},
    "beat": set(),
    "backup": set(),
    "backup-failed": set(),
    "worker@": set(RINGS),
    "migrate": set(RINGS),
}
SANDBOX = (
    "ProtectSystem",
    "NoNewPrivileges",
    "PrivateTmp",
    "CapabilityBoundingSet",
    "SystemCallFilter",
    "User",
    "LimitCORE",
)
EXPOSURE = 15  # tenths of what `systemd-analyze security` gives; 100 is a process without any border


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they are installed, with the programs of this environment."""
    for path in units.FOLDER.glob("identity-manager*.*"):
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name)
            continue
        text = path.read_text(encoding="utf-8").replace("/opt/identity-manager/.venv/bin", str(units.BIN))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    for queue in commands.QUEUES:
        shutil.copy(
            tmp_path / "identity-manager-worker@.service",
            tmp_path / f"identity-manager-worker@{queue}.service",
        )
    return tmp_path


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_COLORS": "0"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_orders_for_many_give_way_to_pages() -> None:
    lighter = units.read(units.FOLDER / "identity-manager-worker@bulk.service.d" / "weight.conf")
    (weight,) = units.values(lighter, "CPUWeight")
    assert 1 < int(weight) < 100, "100 is what every other unit has"


@pytest.mark.needs_program("systemd-analyze")
def test_systemd_understands_every_unit(installed: Path) -> None:
    names = sorted(path.name for path in installed.iterdir() if "@." not in path.name and path.is_file())
    assert len(names) == 11
    outcome = analyze("verify", "--man=no", *names, folder=installed)
    assert (outcome.returncode, outcome.stdout + outcome.stderr) == (0, "")


@pytest.mark.needs_program("systemd-analyze")
def test_systemd_would_complain(installed: Path) -> None:
    path = installed / "identity-manager-beat.service"
    path.write_text(path.read_text().replace("ProtectSystem=strict", "ProtectSystem=srict"))
    assert "ProtectSystem" in analyze("verify", "--man=no", path.name, folder=installed).stderr


@pytest.mark.needs_program("systemd-analyze")
@pytest.mark.parametrize("name", ["web", "worker@ca", "beat", "migrate", "backup", "backup-failed"])
def test_little_is_exposed(installed: Path, name: str) -> None:
    unit = f"./identity-manager-{name}.service"
    outcome = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", unit, folder=installed)
    assert outcome.returncode == 0, outcome.stdout[-300:]


@pytest.mark.parametrize("name", units.SERVICES)
def test_the_sandbox_is_the_same_for_all(name: str) -> None:
    for directive in SANDBOX:
        assert units.values(units.service(name), directive) == units.values(units.service("web"), directive)
    assert units.values(units.service(name), "ProtectSystem") == ["strict"]
    assert units.values(units.service(name), "LimitCORE") == ["0"]


@pytest.mark.parametrize("name", units.SERVICES)
def test_each_process_holds_its_own_keys_alone(name: str, secrets: Path) -> None:
    unit = units.service(name)
    environment, loaded = units.environment(unit), units.credentials(unit)
    held = HELD[name]
    assert {ring for ring in RINGS if f"{ring}_FILE" in environment} == held
    assert all(environment[ring] == "" for ring in set(RINGS) - held)
    there = {f"%d/{credential}" for credential, _file in units.credential_files(loaded, secrets)}
    named = {value for setting, value in environment.items() if setting.endswith("_FILE") and value}
    assert named == there, "each credential is read, and each that is read is there"


def test_the_web_process_holds_no_key_of_the_embedded_ca(secrets: Path) -> None:
    """It has the passphrase of the OCSP signers alone, and sees no directory with a key in it."""
    web, worker = (units.service(name) for name in ("web", "worker@"))
    held = {credential for credential, _file in units.credential_files(units.credentials(web), secrets)}
    assert "ca-corporate-ocsp-passphrase" in held
    assert "ca-corporate-passphrase" not in held
    assert units.environment(web)["CA_PASSPHRASE_FILE"] == ""
    hidden = " ".join(units.values(web, "InaccessiblePaths"))
    assert hidden == "-/var/lib/identity-manager/ca -/var/lib/identity-manager/ca-root"
    assert units.values(worker, "InaccessiblePaths") == ["-/var/lib/identity-manager/ca-root"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As make-secrets.sh makes them for a plain machine."""
    folder = units.make_secrets(tmp_path_factory.mktemp("secrets"))
    assert "@localhost/" in (folder / "database-url").read_text()
    return folder


@pytest.mark.parametrize("name", units.SERVICES)
def test_its_settings_are_real(name: str) -> None:
    own = set(units.environment(units.service(name))) - {"PYTHONDONTWRITEBYTECODE", "WORKER_PROCESSES"}
    assert commands.unknown_settings(own) == set()


def test_the_settings_of_the_sample_are_real() -> None:
    assert {"CONSOLE_BASE_URL", "PKI_BASE_URL", "MAIL_FROM", "SMTP_HOST"} <= set(units.sample())
    assert commands.unknown_settings(units.offered()) == set()


def test_commands_exist() -> None:
    told = "\n".join(
        value for name in units.SERVICES for value in units.values(units.service(name), "ExecStart")
    )
    assert "manage.py migrate" in told
    assert commands.unknown_commands(told) == set()


def test_a_backup_that_was_killed_is_noted() -> None:
    (noted,) = units.values(units.service("backup"), "OnFailure")
    (start,) = units.values(units.read(units.FOLDER / noted), "ExecStart")
    assert start.endswith("manage.py backup --note failed")


def test_every_queue_is_worked_on() -> None:
    wanted = " ".join(units.values(units.read(units.FOLDER / "identity-manager.target"), "Wants"))
    assert set(re.findall(r"worker@(\w+)\.service", wanted)) == commands.QUEUES
    (start,) = units.values(units.service("worker@"), "ExecStart")
    assert start.endswith("--queues %i")


def test_what_is_stopped_together_is_all_of_it() -> None:
    """A socket that stays would start its service again; the backup is the timer's."""
    wanted = units.values(units.read(units.FOLDER / "identity-manager.target"), "Wants")
    started = {re.sub(r"@\w+", "@", name) for value in wanted for name in value.split()}
    there = {path.name for path in units.FOLDER.glob("identity-manager*.*") if path.is_file()}
    timed = {
        f"identity-manager-{name}" for name in ("backup.timer", "backup.service", "backup-failed.service")
    }
    assert started == there - timed - {"identity-manager.target"}
    for name in sorted(started):
        assert units.values(units.read(units.FOLDER / name), "PartOf") == ["identity-manager.target"], name


@pytest.mark.parametrize("name", ["web", "worker@", "beat", "migrate"])
def test_who_stops_the_target_waits_for_all_of_it(name: str) -> None:
    """What starts after another one is stopped before it, and a stop ends when all before it has."""
    unit = units.service(name)
    assert units.values(unit, "PartOf") == ["identity-manager.target"]
    assert "identity-manager.target" in words(unit, "After")


@pytest.mark.parametrize("name", ["web", "worker@", "beat"])
def test_nothing_starts_without_its_database(name: str) -> None:
    """One that is only wanted may fail: what starts all the same fails and is started again, without end."""
    unit = units.service(name)
    assert "identity-manager-migrate.service" in words(unit, "Requires")
    assert "identity-manager-migrate.service" in words(unit, "After")


def test_a_migration_that_fails_is_tried_again_slowly_and_then_starts_the_others() -> None:
    unit = units.service("migrate")
    assert units.values(unit, "Restart") == ["on-failure"]
    assert int(units.values(unit, "RestartSec")[0]) >= 10
    (last,) = units.values(unit, "ExecStartPost")
    assert "--no-block start identity-manager.target" in last, "without waiting for itself"


def words(unit: list[units.Directive], name: str) -> set[str]:
    return {word for value in units.values(unit, name) for word in value.split()}


@pytest.mark.needs_program("systemd-analyze")
def test_the_order_of_starts_has_no_loop(installed: Path) -> None:
    outcome = analyze("verify", "--man=no", "identity-manager.target", folder=installed)
    assert "ordering cycle" not in outcome.stderr.lower()
    assert outcome.returncode == 0, outcome.stderr


def test_commands_have_what_workers_have() -> None:
    """identity-manager-manage gives manage.py the secrets of a worker, under the same names."""
    script = (units.FOLDER / "identity-manager-manage").read_text(encoding="utf-8")
    assert "--property=LimitCORE=0" in script
    worker = units.service("worker@")
    given = dict(re.findall(r"--property=LoadCredential=([\w-]+):\$secrets/(\S+)", script))
    assert {
        name: f"/etc/identity-manager/secrets/{path}" for name, path in given.items()
    } == units.credentials(worker)
    exported = dict(re.findall(r'export (\w+)="\$CREDENTIALS_DIRECTORY/([\w-]+)"', script))
    files = {name: value for name, value in units.environment(worker).items() if name.endswith("_FILE")}
    assert {name: f"%d/{value}" for name, value in exported.items()} == files
    checked = subprocess.run(["sh", "-n", units.FOLDER / "identity-manager-manage"], check=False)
    assert checked.returncode == 0


class Machine:
    """A plain machine below a folder: the proxy of the snippet before the web unit's command, on a socket."""

    def __init__(self, folder: Path, upstream: str = "") -> None:
        self.folder, self.socket = folder, folder / "web.sock"
        self.upstream = upstream or f"unix:{self.socket}"
        self.https_port, self.http_port = free_port(), free_port()

    def configuration(self) -> Path:
        """nginx's own words around the snippet, and the snippet with places of this machine."""
        snippet = (units.FOLDER / "nginx.conf").read_text(encoding="utf-8")
        snippet = re.sub(r" *listen \[::\]:\d+[^;]*;\n", "", snippet)
        for inside, outside in {
            "unix:/run/identity-manager-web.sock": self.upstream,
            "/etc/ssl/identity-manager": str(self.folder),
            "listen 443": f"listen 127.0.0.1:{self.https_port}",
            "listen 80;": f"listen 127.0.0.1:{self.http_port};",
        }.items():
            assert inside in snippet, inside
            snippet = snippet.replace(inside, outside)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        user = "user root;\n" if os.geteuid() == 0 else ""
        text = (
            f"{user}daemon off;\npid {self.folder}/pid;\nerror_log {self.folder}/nginx.log;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{places}{snippet}\n}}\n"
        )
        path = self.folder / "nginx.conf"
        path.write_text(text, encoding="utf-8")
        return path

    def make_certificate(self) -> None:
        names = f"/CN={HOST}", f"subjectAltName=DNS:{HOST}"
        files = ["-keyout", self.folder / "key.pem", "-out", self.folder / "certificate.pem"]
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        subprocess.run(
            [*new, "-subj", names[0], "-addext", names[1], *files], check=True, capture_output=True
        )

    def answer(self, path: str, *, tls: bool) -> tuple[int, str]:
        """Status and where it leads, through the proxy."""
        plain = socket.create_connection(
            ("127.0.0.1", self.https_port if tls else self.http_port), timeout=30
        )
        connection = http.client.HTTPConnection(HOST, timeout=30)
        context = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        connection.sock = context.wrap_socket(plain, server_hostname=HOST) if tls else plain
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.headers.get("Location", "")
        finally:
            connection.close()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.make_certificate()
    return made


@pytest.mark.needs_program("nginx", "openssl")
def test_nginx_understands_the_snippet(machine: Machine) -> None:
    outcome = subprocess.run(
        ["nginx", "-t", "-c", machine.configuration()], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "[warn]" not in outcome.stderr


@pytest.mark.nightly
@pytest.mark.needs_program("nginx", "openssl", "systemd-socket-activate")
def test_pages_are_served_on_the_socket_that_systemd_hands_over(machine: Machine, secrets: Path) -> None:
    """The proxy comes through a unix socket, so what it says of https is believed."""
    with started(["nginx", "-c", str(machine.configuration())], {}), web(machine, secrets):
        until_it_answers(machine)
        assert machine.answer("/health/live", tls=True) == (200, "")
        assert machine.answer("/my/", tls=True) == (302, "/account/login/?next=/my/")
        assert machine.answer("/my/", tls=False) == (301, f"https://{HOST}/my/")
        assert machine.answer("/pki/none.crl", tls=False)[0] == 404
        assert machine.answer("/metrics", tls=True)[0] == 404


@contextmanager
def web(machine: Machine, secrets: Path) -> Iterator[None]:
    """The web unit's command, as systemd starts it: with its environment, its credentials and the socket."""
    unit = units.service("web")
    variables = units.web_variables(machine.folder, secrets)
    (start,) = units.values(unit, "ExecStart")
    command = start.replace("/opt/identity-manager/.venv/bin", str(units.BIN)).split()
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, env={"PATH": os.environ["PATH"], **variables}, check=True)
    with started(
        [
            "systemd-socket-activate",
            f"--listen={machine.socket}",
            *forwarded(variables),
            *command,
        ],
        {},
    ):
        yield


def forwarded(variables: dict[str, str]) -> list[str]:
    return [f"--setenv={name}={value}" for name, value in variables.items()]


@contextmanager
def started(command: list[str], variables: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env={"PATH": os.environ["PATH"], **variables})
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def until_it_answers(machine: Machine) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if machine.answer("/health/live", tls=True)[0] == http.client.OK:
                return
        except OSError:
            assert time.monotonic() < deadline
        assert time.monotonic() < deadline
        time.sleep(0.2)
