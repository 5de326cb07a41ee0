"""A real CMP server: OpenSSL's, one for each transaction, as it can only hand out one certificate.

Before it stands a CA that decides what it is to answer; it reads of the messages what it needs, and passes
them on. A server knows its transaction as long as the connection to it stands.
"""

import http.client
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connectors.cmp.connector import CmpConnector
from ca_bridge.connectors.cmp.messages import BodyType, FailureBit, Message
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, server
from tests.ca_bridge.connectors.servers.stub import signed_as_requested
from tests.tools.http_server import Handler, serving
from tests.tools.running import free_port

REFERENCE, SECRET = "identity-manager", "a shared secret"
PATHS = {"/person/": "/pkix/"}  # the one path that OpenSSL's server has
ENDS = {BodyType.RP, BodyType.PKICONF, BodyType.GENP, BodyType.ERROR}
REJECTION = 2


class CmpCa(TestCa):
    """protection: the server's arguments for it.  faults: arguments for the next transactions.

    csr: whose certificate is handed out where the request is a template; replaced: in any case.
    asked: all requests.  open: the servers whose transactions have no end yet.
    """

    __test__ = False

    def __init__(self, folder: Path) -> None:
        super().__init__("Test CMP CA", folder)
        self.protection = ["-srv_ref", REFERENCE, "-srv_secret", f"file:{self.file('srv-secret', SECRET)}"]
        self.faults: list[str] = []
        self.csr: x509.CertificateSigningRequest | None = None
        self.replaced: x509.CertificateSigningRequest | None = None
        self.asked: list[Message] = []
        self._issued: dict[int, bool] = {}  # serial number, and whether it was revoked
        self.open: dict[bytes | None, tuple[http.client.HTTPConnection, ExitStack]] = {}

    def answer(self, path: str, request: bytes) -> tuple[int, bytes]:
        message = Message.read(request)
        self.asked.append(message)
        if message.transaction not in self.open:
            self.open[message.transaction] = self._started(self._arguments(message))
        connection, stack = self.open[message.transaction]
        headers = {"Content-Type": "application/pkixcmp", "Connection": "keep-alive"}
        connection.request("POST", PATHS.get(path, path), request, headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200 or (Message.read(body).kind in ENDS and not Message.read(body).waits):
            del self.open[message.transaction]
            stack.close()
        return response.status, body

    def close(self) -> None:
        for _connection, stack in self.open.values():
            stack.close()

    def _arguments(self, message: Message) -> Sequence[str]:
        if message.kind == BodyType.RR:
            return [*self._revocation(message), *self.faults]
        asked = x509.load_der_x509_csr(message.body) if message.kind == BodyType.P10CR else self.csr
        csr = self.replaced or asked
        given = ["-rsp_cert", self._certificate(csr)] if csr else ["-rsp_capubs", self.path]
        return [*given, "-rsp_extracerts", self.path, *self.faults]

    def _revocation(self, message: Message) -> Sequence[str]:
        serial = next(each for each in self._issued if _der(each) in message.body)
        if self._issued[serial]:
            failure = str(int(FailureBit.CERT_REVOKED))
            return ["-pkistatus", str(REJECTION), "-failure", failure, "-statusstring", "revoked before"]
        self._issued[serial] = True
        return ["-ref_cert", str(self.folder / f"{serial}.pem")]

    def _certificate(self, csr: x509.CertificateSigningRequest) -> str:
        made = signed_as_requested(csr, (self.name, self.key))
        self._issued[made.serial_number] = False
        return self.file(f"{made.serial_number}.pem", made.public_bytes(Encoding.PEM))

    def _started(self, arguments: Sequence[str]) -> tuple[http.client.HTTPConnection, ExitStack]:
        port, stack, folder = free_port(), ExitStack(), Path(mkdtemp(dir=self.folder))
        command = ["openssl", "cmp", "-config", "", "-port", str(port), *self.protection, *arguments]
        log = folder / "log.txt"
        stack.enter_context(server(command, folder=folder, up=lambda: b"ACCEPT" in log.read_bytes()))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        stack.callback(connection.close)
        return connection, stack


def _der(serial: int) -> bytes:
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return bytes([len(octets)]) + octets


class _Handler(Handler):
    ca: CmpCa

    def do_POST(self) -> None:
        self.answer(*self.ca.answer(self.path, self.body()), Content_Type="application/pkixcmp")


@contextmanager
def cmp(folder: Path) -> Iterator[tuple[CmpCa, Neighbour]]:
    """The server with a shared secret, and a connector's options for it."""
    with closing(CmpCa(folder)) as ca, serving(_Handler, ca=ca) as port:
        options = {
            "url": f"http://127.0.0.1:{port}",
            "chain_file": ca.path,
            "path": "/{profile}/",
            "management_path": "/person/",
            "reference": REFERENCE,
            "secret_file": ca.file("secret", SECRET),
        }
        yield ca, Neighbour(CmpConnector, options, {"secret_file": ca.file("wrong", "wrong")})
