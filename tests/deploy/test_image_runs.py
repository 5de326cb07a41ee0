"""The composition without an engine: its commands, settings and secrets, in the image's own files alone.

PostgreSQL, Valkey and the proxy are real; the proxy is Caddy with the composition's own Caddyfile.
"""

import http.client
import json
import os
import re
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from identity_manager.config.observability import liveness_file
from identity_manager.management.doctor.check_result import Level
from identity_manager.management.embedded import server_executable
from tests.deploy import caddy, composition
from tests.deploy.image import Image
from tests.tools import postgres_server
from tests.tools.running import free_port

HOST = "tokens.acme-corporation.net"
VARIABLES = {
    "HOST": HOST,
    "MAIL_FROM": f"Software tokens <tokens@{HOST}>",
    "CA_ORGANISATION": "Acme Corporation",
    "LOG_LEVEL": "WARNING",
}
LONG_RUNNING = ("web", "worker-ca", "worker-mail", "worker-bulk", "beat")
READY_SECONDS = 120

pytestmark = [
    pytest.mark.nightly,  # the image is built and started first
    pytest.mark.needs_program("caddy", "setpriv"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("image"),  # it is built once
]


class Installation:
    """The composition below a folder of this machine."""

    def __init__(self, folder: Path, image: Image) -> None:
        self.folder, self.image = folder, image
        self.secrets = folder / "secrets"
        self.services = composition.load(VARIABLES)["services"]
        self.web_port, self.broker_port = free_port(), free_port()
        self.http_port, self.https_port = free_port(), free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def make_secrets(self) -> str:
        """As the service `secrets` does it, but for who owns them."""
        self.secrets.mkdir(exist_ok=True)
        outcome = subprocess.run(
            ["sh", str(composition.MAKE_SECRETS), str(self.secrets)],
            env={**self.image.environment(), "OWNER": f"{os.getuid()}:{os.getgid()}"},
            cwd=self.image.code,
            capture_output=True,
            text=True,
            check=True,
        )
        return outcome.stdout

    def write(self, name: str, change: Callable[[str], str]) -> None:
        """A secret with what is elsewhere here."""
        path = self.secrets / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def variables(self, service: str) -> dict[str, str]:
        """The service's environment, with the places of this machine."""
        own = {name: self._here(str(value)) for name, value in self.services[service]["environment"].items()}
        var = self.folder / "var" / service
        if not var.exists():
            (var / "run").mkdir(parents=True)
            (self.folder / "ca").mkdir(exist_ok=True)
            (var / "ca").symlink_to(self.folder / "ca")
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        return {
            **own,
            "VAR_DIR": str(var),
            "TMPDIR": str(scratch),
            **(
                {"BIND": f"127.0.0.1:{self.web_port}", "PROXY_ADDRESSES": "127.0.0.1"}
                if "BIND" in own
                else {}
            ),
        }

    def _here(self, value: str) -> str:
        value = value.replace("/connections/", f"{self.secrets}/connections/")
        places = {"/run/secrets/": "secrets", "/rings/": "secrets/rings", "/audit-heads/": "audit-heads"}
        for inside, outside in places.items():
            value = value.replace(inside, f"{self.folder / outside}/")
        return value

    def start(self, service: str) -> None:
        """What the service's container would run."""
        command = [self.image.inside(word) for word in self.services[service]["command"]]
        self.processes[service] = self.image.start(command, self.variables(service), self.log(service))

    def run(self, service: str, command: list[str], **variables: str) -> int:
        """Another command in a container of that service; what it says goes to a log of its own."""
        own = {**self.variables(service), **variables}
        return self.image.start(command, own, self.log(f"{service}-command")).wait(timeout=120)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def told(self) -> str:
        """The end of every log, for a failure."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.glob("*.log"))
        )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("composition")
    image = Image(folder / "image")
    with ExitStack() as stack:
        stack.callback(image.remove)
        image.build()
        here = Installation(folder, image)
        here.make_secrets()
        (folder / "audit-heads").mkdir()
        stack.enter_context(database(here))
        stack.enter_context(broker(here))
        here.start("migrate")
        assert here.processes.pop("migrate").wait(timeout=300) == 0, here.told()
        stack.enter_context(all_running(here))
        stack.enter_context(proxy(here))
        yield here


@contextmanager
def database(here: Installation) -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory(prefix="im-pg-") as folder,
        postgres_server.own_postgres(Path(folder)) as (server, url),
    ):
        Path(folder).chmod(0o711)
        # Its socket is for everybody; without its capabilities root is no exception.
        Path(server.get_postmaster_info().socket_dir).chmod(0o711)
        here.write("database-url", lambda _url: url)
        yield


@contextmanager
def broker(here: Installation) -> Iterator[None]:
    """The composition's own start of the broker, with the places of this machine."""
    here.write("broker-url", lambda url: url.replace("@broker:6379/", f"@127.0.0.1:{here.broker_port}/"))
    data, programs = here.folder / "broker", here.folder / "programs"
    data.mkdir()
    programs.mkdir()
    (programs / "valkey-server").symlink_to(server_executable())
    script = (composition.FOLDER / "start-broker.sh").read_text(encoding="utf-8")
    for inside, outside in {
        "/run/secrets/": f"{here.secrets}/",
        "dir /data": f"dir {data}",
        "port 6379": f"port {here.broker_port}",
        "bind * -::*": "bind 127.0.0.1",
    }.items():
        assert inside in script
        script = script.replace(inside, outside)
    with program(here, "broker", ["sh", "-c", script], {"PATH": f"{programs}:/usr/bin:/bin"}):
        yield


@contextmanager
def proxy(here: Installation) -> Iterator[None]:
    """Caddy with the composition's Caddyfile, on ports of this machine and without touching its trust."""
    front = caddy.Front(here.folder, web=here.web_port, http=here.http_port, https=here.https_port)
    ByName.authority = front.authority
    with program(here, "proxy", front.command(), front.variables(HOST)):
        until(here, ByName.authority.exists)
        until(here, lambda: answer(here, "/health/live")[0] == 200)
        yield


@contextmanager
def program(here: Installation, name: str, command: list[str], variables: dict[str, str]) -> Iterator[None]:
    with here.log(name).open("wb") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def all_running(here: Installation) -> Iterator[None]:
    try:
        for service in LONG_RUNNING:
            here.start(service)
        until(here, lambda: plain_answer(here, "/health/ready") == 200)
        yield
    finally:
        for process in here.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait(timeout=30)


def until(here: Installation, holds: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, here.told()
        time.sleep(0.2)


def plain_answer(here: Installation, path: str, **headers: str) -> int:
    """What the web process itself answers; 0 while nobody does."""
    connection = http.client.HTTPConnection("127.0.0.1", here.web_port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class ByName(http.client.HTTPSConnection):
    """To this machine, by the installation's name, which the proxy's certificate must be for."""

    authority: Path

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        context = ssl.create_default_context(cafile=self.authority)
        self.sock = context.wrap_socket(self.sock, server_hostname=HOST)


def answer(here: Installation, path: str, *, tls: bool = True) -> tuple[int, dict[str, str], str]:
    """Status, headers and text, through the proxy; status 0 while nobody answers."""
    connect: Any = ByName if tls else http.client.HTTPConnection
    connection = connect("127.0.0.1", here.https_port if tls else here.http_port, timeout=20)
    try:
        connection.request("GET", path, headers={"Host": HOST})
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        return response.status, {name.lower(): value for name, value in response.getheaders()}, text
    except OSError:
        return 0, {}, ""
    finally:
        connection.close()


def test_pages_are_served_by_https(installation: Installation) -> None:
    status, headers, page = answer(installation, "/account/login/")
    assert status == 200, installation.told()
    assert "max-age=31536000" in headers["strict-transport-security"]
    assert "__Host-csrftoken" in headers["set-cookie"]
    style = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert style
    for path in style:
        assert answer(installation, path)[0] == 200


def test_pages_are_in_german_too(installation: Installation) -> None:
    """The catalogues were compiled when the image was built."""
    assert 'lang="de"' in answer_in(installation, "de")


def answer_in(here: Installation, language: str) -> str:
    connection = ByName("127.0.0.1", here.https_port, timeout=20)
    connection.request("GET", "/account/login/", headers={"Host": HOST, "Accept-Language": language})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_http_leads_to_https_but_for_what_is_signed(installation: Installation) -> None:
    status, headers, _text = answer(installation, "/my/?page=2", tls=False)
    assert (status, headers["location"]) == (301, f"https://{HOST}/my/?page=2")
    for name in ("corporate.crl", "corporate.crt"):
        assert answer(installation, f"/pki/{name}", tls=False)[0] == 200


def test_figures_are_for_who_has_the_token_and_comes_from_inside(installation: Installation) -> None:
    token = (installation.secrets / "metrics-token").read_text(encoding="utf-8").strip()
    assert plain_answer(installation, "/metrics") == 401
    assert plain_answer(installation, "/metrics", Authorization=f"Bearer {token}") == 200
    assert answer(installation, "/metrics")[0] == 404


def test_every_process_is_alive_and_says_so(installation: Installation) -> None:
    until_all_are_well(installation)
    assert all(installation.processes[service].poll() is None for service in LONG_RUNNING)


def until_all_are_well(here: Installation) -> None:
    for service in LONG_RUNNING[1:]:
        kind, *probe = here.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        until(here, partial(is_well, here, service, probe))


def until_it_has_another_heartbeat(here: Installation, service: str) -> None:
    """A worker that is still starting is well, too, but does not hear yet that it is to end."""
    sign = Path(here.variables(service)["VAR_DIR"]) / "run" / liveness_file.FILE_NAME
    before = sign.stat().st_mtime_ns
    until(here, lambda: sign.stat().st_mtime_ns != before)


def is_well(here: Installation, service: str, probe: list[str]) -> bool:
    return here.run(service, probe) == 0


def test_the_probe_of_the_web_process(installation: Installation) -> None:
    kind, *probe = installation.services["web"]["healthcheck"]["test"]
    assert kind == "CMD"
    here = [word.replace(":8000/", f":{installation.web_port}/") for word in probe]
    assert here != probe
    assert installation.run("web", here) == 0
    assert installation.run("web", [word.replace(":8000/", ":1/") for word in probe]) != 0


def test_the_doctor_finds_them_at_work(installation: Installation) -> None:
    """In the environment of `manage`: what the beat and the workers did lately, database, keys, CA."""
    said: dict[str, dict[str, Any]] = {}

    def all_is_well() -> bool:
        said.update(doctor(installation))
        return all(said[name]["level"] == Level.OK for name in ("beat and workers", "broker", "database"))

    until(installation, all_is_well)


def doctor(here: Installation) -> dict[str, dict[str, Any]]:
    log = here.folder / "doctor.log"
    log.unlink(missing_ok=True)
    process = here.image.start(["python", "manage.py", "doctor", "--json"], here.variables("manage"), log)
    process.wait(timeout=120)
    text = log.read_text(encoding="utf-8")
    report, _end = json.JSONDecoder().raw_decode(text[text.index("{") :])
    return {line["check"]: line for line in report["findings"]}


def test_secrets_are_made_once_and_kept_from_others(installation: Installation) -> None:
    files = {path: path.read_bytes() for path in installation.secrets.rglob("*") if path.is_file()}
    installation.make_secrets()
    assert {path: path.read_bytes() for path in files} == files
    assert {path for path in installation.secrets.rglob("*") if path.is_file()} == set(files)
    assert {path.name for path in files if path.stat().st_mode & 0o077} == {
        "broker-password",
        "metrics-token",
    }
    assert (installation.secrets / "broker-password").stat().st_mode & 0o777 == 0o640


def test_passwords_are_in_no_arguments(installation: Installation) -> None:
    told = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    for name in ("broker-password", "database-password", "secret-key"):
        assert (installation.secrets / name).read_text().strip() not in told


def test_nothing_is_written_to_the_image(installation: Installation) -> None:
    """The road's own pages included: a letter and an import are made in /tmp alone."""
    assert installation.image.strays() == set()


def test_all_stop_when_they_are_told_to(installation: Installation) -> None:
    until_all_are_well(installation)
    for service in LONG_RUNNING:
        if service.startswith("worker"):
            until_it_has_another_heartbeat(installation, service)
    for process in installation.processes.values():
        process.terminate()
    for service, process in installation.processes.items():
        assert process.wait(timeout=40) == 0, f"{service}\n{installation.told()}"
    assert installation.image.strays() == set()
