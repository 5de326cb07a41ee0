"""Keys and certificates of the CAs and servers that run beside the tests."""

import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tools.x509 import Extension, constraints, hosts, issued, issuer_id, key_id, key_pem, named, usage

HERE = ("localhost", "127.0.0.1")


def file_in(folder: Path, name: str, content: bytes | str) -> str:
    """Write it, for the eyes of this user alone; returns its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return str(path)


class TestCa:
    """A root that signs its own servers' certificates, with both in a folder as PEM. path: of the first."""

    __test__ = False

    def __init__(self, name: str, folder: Path) -> None:
        self.name = named(name)
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = self.signed(self.name, self.key, usage("key_cert_sign", "crl_sign"), ca=True)
        self.path = self.file("ca.pem", self.certificate.public_bytes(Encoding.PEM))
        self.file("ca.key", key_pem(self.key))

    def signed(
        self, subject: x509.Name, key: Any, *extensions: Extension, ca: bool = False
    ) -> x509.Certificate:
        """A certificate of a key, with these extensions beside its constraints and both identifiers."""
        ids = key_id(key.public_key()), issuer_id(self.key.public_key())
        return issued(
            subject,
            key.public_key(),
            (self.name, self.key),
            until=3650 if ca else 365,
            extensions=[constraints(ca=ca), *ids, *extensions],
        )

    def file(self, name: str, content: bytes | str) -> str:
        return file_in(self.folder, name, content)

    def identity(
        self, name: str, *, of: tuple[str, ...] = (), signs: bool = False, ca: bool = False
    ) -> tuple[str, str]:
        """Certificate and key, as files, of a TLS server or of a client; the root's follows.

        of: the names of the server.  signs: whether its key usage says that it signs.
        ca: whether it is a CA below the root.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        flags = ("digital_signature",) * signs + ("key_cert_sign", "crl_sign") * ca
        more = [usage(*flags)] * bool(flags) + [hosts(*of)] * bool(of)
        certificate = self.signed(named(name), key, *more, ca=ca)
        pem = certificate.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)
        return self.file(f"{name}.pem", pem), self.file(f"{name}.key", key_pem(key))

    def tls(self, *names: str) -> ssl.SSLContext:
        """Of a server with these names, or on this machine where none is given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.identity("server", of=names or HERE))
        return context
