"""CRLs and certificates of a CA of the tests, as a distribution point has them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tools.http_server import Handler, serving
from tests.tools.x509 import Extension, issued, named, usage


class CrlCa:
    """A CA with one key, which issues certificates that name an address, and signs CRLs."""

    def __init__(self, name: str = "Elsewhere CA", *, signs_crls: bool = True) -> None:
        self.name, self.key = named(name), ec.generate_private_key(ec.SECP256R1())
        signs = usage("key_cert_sign", *["crl_sign"] * signs_crls)
        self.certificate = issued(self.name, self.key.public_key(), (self.name, self.key), extensions=[signs])

    def leaf(self, *addresses: str) -> x509.Certificate:
        key, more = ec.generate_private_key(ec.SECP256R1()).public_key(), list[Extension]()
        if addresses:
            names = [x509.UniformResourceIdentifier(each) for each in addresses]
            point = x509.DistributionPoint(names, None, None, None)
            more.append((x509.CRLDistributionPoints([point]), False))
        return issued(named("Somebody"), key, (self.name, self.key), extensions=more)

    def crl(
        self,
        serials: Iterable[int] = (),
        *,
        since: timedelta = timedelta(hours=-1),
        until: timedelta = timedelta(days=7),
        extra: x509.ExtensionType | None = None,
    ) -> bytes:
        now = datetime.now(UTC)
        entries = [
            x509.RevokedCertificateBuilder().serial_number(each).revocation_date(now).build()
            for each in serials
        ]
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now + since)
            .next_update(now + until)
        )
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        if extra is not None:
            builder = builder.add_extension(extra, critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextmanager
def distribution_point(pages: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of a web server that has these pages, and what it is asked for. "/away" redirects."""
    asked: list[str] = []

    class Pages(Handler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status = 302 if self.path == "/away" else 200 if self.path in pages else 404
            self.answer(status, pages.get(self.path, b""), Location="/list.crl")

    with serving(Pages) as port:
        yield f"http://127.0.0.1:{port}", asked
