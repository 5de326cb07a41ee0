"""Client certificates through a real nginx and a real Caddy on loopback; what a client forges gets lost.

The configurations are those of docs/how-to/client-certificate.md, with ports and files of this machine.
Behind them stands gunicorn with the product's choice for header names.
"""

import json
import re
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import RequestFactory
from pytest_django import Settings

from identity_manager.account.client_certificates import client_certificate
from identity_manager.transactions.refusals import Refused
from tests.deploy.caddy import version
from tests.tools import running as programs
from tests.tools.running import free_port, listens
from tests.tools.x509 import constraints, hosts, issued, key_pem, named

pytestmark = [pytest.mark.long, pytest.mark.needs_program("nginx", "caddy")]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "client-certificate.md"
SECRET = "between the proxy and us alone"
FORGED = {
    "Client-Cert": ":Zm9yZ2Vk:",
    "Client_Cert": ":Zm9yZ2Vk:",
    "X-SSL-Client-Cert": "forged",
    "X_SSL_Client_Cert": "forged",
    "X-SSL-Client-Verify": "SUCCESS",
    "X-Client-Cert-Secret": "guessed",
}


class Authority:
    """A CA with files of a server and of a client."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key, ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def leaf(self, name: str) -> Path:
        """Certificate and key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        file = self.folder / f"{self.name}-{name}.pem"
        file.write_bytes(self._sign(name, key, ca=False).public_bytes(Encoding.PEM) + key_pem(key))
        return file

    def _sign(self, name: str, key: Any, *, ca: bool) -> x509.Certificate:
        said, by = [constraints(ca=ca), hosts("localhost")], (named(self.name), self.key)
        return issued(named(name), key.public_key(), by, since=1 / 24, until=1, extensions=said)


class Front:
    """A proxy before gunicorn."""

    def __init__(self, ours: Authority, other: Authority, port: int, form: str) -> None:
        self.ours, self.other, self.port, self.form = ours, other, port, form

    def get(self, client: Path | None, headers: dict[str, str]) -> dict[str, str]:
        """What arrives. Raises OSError where the proxy refuses the certificate."""
        context = ssl.create_default_context(cafile=str(self.ours.file))
        if client:
            context.load_cert_chain(client)
        connection = HTTPSConnection("localhost", self.port, context=context, timeout=10)
        try:
            connection.request("GET", "/sso/certificate/", headers=headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise ConnectionError(str(response.status))
        arrived: dict[str, str] = json.loads(body)
        return arrived


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    place = {"cwd": folder, "env": _environment(folder)}
    with programs.running(command, log=folder / "log", up=lambda: listens(port), end_within=20, **place):
        yield


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin",
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def _block(language: str) -> str:
    """The configuration of the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found.group(1)


def _nginx(folder: Path, ours: Authority, port: int, web: int) -> list[str]:
    server = ours.leaf("localhost")
    text = _block("nginx").replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    for said, here in (
        ("/etc/ssl/identity-manager/certificate.pem", str(server)),
        ("/etc/ssl/identity-manager/key.pem", str(server)),
        ("/etc/identity-manager/client-cas.pem", str(ours.file)),
        ("http://identity_manager", f"http://127.0.0.1:{web}"),
        ("THE-SECRET", SECRET),
    ):
        assert said in text, said
        text = text.replace(said, here)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}\n}}\n"
    )
    return ["nginx", "-c", str(file), "-p", str(folder), "-e", "stderr"]


def _caddy(folder: Path, ours: Authority, port: int, web: int) -> list[str]:
    server = ours.leaf("localhost")
    text = _block("caddyfile").replace("certificate.your-domain", f"localhost:{port}")
    if version() < (2, 8):  # Debian's; the same in the words of old
        text = re.sub(r"trust_pool file \{\s*pem_file (\S+)\s*\}", r"trusted_ca_cert_file \1", text)
    for said, here in (
        ("tls {", f"tls {server} {server} {{"),
        ("/etc/identity-manager/client-cas.pem", str(ours.file)),
        ("unix//run/identity-manager-web.sock", f"127.0.0.1:{web}"),
        ("THE-SECRET", SECRET),
    ):
        assert said in text, said
        text = text.replace(said, here)
    file = folder / "Caddyfile"
    file.write_text(f"{{\nadmin off\nauto_https off\nskip_install_trust\n}}\n{text}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp(request.param)
    ours, other = Authority(folder, "ours"), Authority(folder, "other")
    web, port = free_port(), free_port()
    (folder / "serve.py").write_text(f"bind = '127.0.0.1:{web}'\ncontrol_socket_disable = True\n")
    server = [sys.executable, "-m", "gunicorn", "-c", str(folder / "serve.py")]
    proxy = {"nginx": _nginx, "caddy": _caddy}[request.param](folder, ours, port, web)
    form = {"nginx": "x-ssl-client-cert", "caddy": "client-cert"}[request.param]
    with (
        running([*server, "tests.deploy.environ_echo:application"], web, folder),
        running(proxy, port, folder),
    ):
        yield Front(ours, other, port, form)


@pytest.fixture(autouse=True)
def _configured(settings: Settings, front: Front) -> None:
    settings.CERTIFICATE_HEADER, settings.CERTIFICATE_PROXY_SECRET = front.form, SECRET


def presented(arrived: dict[str, str]) -> bytes:
    return client_certificate.presented(RequestFactory().get("/sso/certificate/", **arrived))


def refusal(arrived: dict[str, str]) -> str:
    with pytest.raises(Refused) as caught:
        presented(arrived)
    return caught.value.reason.code


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_the_certificate_that_was_shown_arrives(front: Front, headers: dict[str, str]) -> None:
    client = front.ours.leaf("uma")
    shown = x509.load_pem_x509_certificate(client.read_bytes()).public_bytes(Encoding.DER)
    assert presented(front.get(client, headers)) == shown


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_without_one_none_arrives(front: Front, headers: dict[str, str]) -> None:
    arrived = front.get(None, headers)
    assert refusal(arrived) == "certificate-none"
    assert "Zm9yZ2Vk" not in json.dumps(arrived)
    assert "forged" not in json.dumps(arrived)
    assert "guessed" not in json.dumps(arrived)


def test_of_another_ca_none_arrives(front: Front) -> None:
    with pytest.raises(OSError, match=r"."):
        front.get(front.other.leaf("uma"), {})
