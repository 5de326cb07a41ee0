"""What the stubs of CAs share: an HTTPS server of its own process, and certificates signed as requested."""

import re
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.tools import http_server
from tests.tools.x509 import constraints, issued, issuer_id, key_id

DAYS = 300  # how long certificates are valid where nobody says


def signed_as_requested(
    csr: x509.CertificateSigningRequest, issuer: tuple[x509.Name, Any], *, until: datetime | float = DAYS
) -> x509.Certificate:
    """From now on, with the extensions of the request beside the constraints and both identifiers."""
    key = csr.public_key()
    own = [constraints(ca=False), key_id(key), issuer_id(issuer[1].public_key())]
    asked = [(each.value, each.critical) for each in csr.extensions]
    return issued(csr.subject, key, issuer, since=0, until=until, extensions=[*own, *asked])


class Signer:
    """The key of a TestCa, in the process of a stub."""

    def __init__(self, folder: Path) -> None:
        self.certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        self._key = load_pem_private_key((folder / "ca.key").read_bytes(), None)

    def signed(self, csr: x509.CertificateSigningRequest, until: datetime | None = None) -> x509.Certificate:
        """Subject and extensions as requested. Raises ValueError where the CSR's signature is bad."""
        if not csr.is_signature_valid:
            raise ValueError("the signature does not verify")
        return signed_as_requested(csr, (self.certificate.subject, self._key), until=until or DAYS)

    def crl(self, revoked: Mapping[int, x509.ReasonFlags]) -> x509.CertificateRevocationList:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now).next_update(now + timedelta(days=7))
        for serial, reason in revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256())  # type: ignore[arg-type] - an RSA key, as TestCa makes it


class Handler(http_server.Handler):
    """One answer a connection, which the log tells; stubs add what they do. ca: what their CA knows."""

    ca: Any

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has
        sys.stderr.write(f"{format % args}\n")

    def client(self) -> str:
        """The common name of the client certificate; empty without one."""
        certificate = self.connection.getpeercert() or {}  # type: ignore[attr-defined] - a TLS socket
        return next(
            (value for ((name, value),) in certificate.get("subject", ()) if name == "commonName"), ""
        )

    def multipart(self) -> dict[str, bytes]:
        """The fields of multipart/form-data; none where the body is something else."""
        head = f"Content-Type: {self.headers.get('Content-Type')}\r\n\r\n".encode()
        message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + self.body())
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in message.iter_parts()
        }


class RefusalError(Exception):
    """An answer other than the one that was hoped for."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(body)
        self.status, self.body = status, body


class Route(NamedTuple):
    """Which action answers a request, with the parts of its path, and the status where it is not refused."""

    method: str
    path: str
    action: Callable[..., Any]
    status: int = 200


class Rest(Handler):
    """A REST interface with a table of its paths."""

    routes: ClassVar[Sequence[Route]]

    def route(self) -> None:
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query))
        for each in self.routes:
            if each.method == self.command and (match := re.fullmatch(each.path, url.path)):
                return self._act(each, [unquote(part) for part in match.groups()])
        return self.answer(404, b"<html>404 - Not Found</html>", Content_Type="text/html")

    do_GET = do_POST = do_PUT = route

    def _act(self, route: Route, parts: list[str]) -> None:
        try:
            status, body = route.status, route.action(self, *parts)
        except RefusalError as refusal:
            status, body = refusal.status, refusal.body
        if body is None:
            self.answer(204, Content_Type="application/json")
        elif isinstance(body, bytes):
            self.answer(status, body, Content_Type="application/octet-stream")
        else:
            self.answer(status, body)


def serve(handler: type[Handler], ca: Callable[[Path], Any], *, clients: ssl.VerifyMode) -> None:
    """Serve what is made of the folder of a TestCa, at a port; both are arguments of the process."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    handler.ca = ca(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = clients
    http_server.Server(handler, port=port, tls=context).serve_forever()
