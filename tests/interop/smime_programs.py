"""Three programs that sign, verify, encrypt and decrypt mail: OpenSSL, NSS (Thunderbird's), gpgsm (KMail's).

Each has a home of its own. It trusts the root alone; chains are built from what the files and messages hold.
A passphrase never stands in a process's arguments.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.interop.tokens import TokenFile, pem
from tests.tools.commands import NotOpenedError, nss_database, run

SIGNER, RECIPIENT = "4", "5"  # certUsageEmailSigner, certUsageEmailRecipient


@dataclass(frozen=True)
class Verified:
    """What was signed, and by whom, as the program says it."""

    content: bytes
    signer: str


class Program(ABC):
    """A mail program's cryptography. The directory is its home; root is a certificate as DER."""

    NEEDS: tuple[str, ...] = ()

    def __init__(self, home: Path, root: bytes) -> None:
        self.home = home
        self.trust(root)

    def own(self, file: TokenFile, passphrase: str) -> None:
        """Import the person's file."""
        self._write_passphrase(file.certificate, passphrase)
        path = self.home / file.name
        path.write_bytes(file.content)
        self.take(path, file)

    def note(self, certificate: bytes) -> Path:
        """The file with the passphrase that belongs to the certificate."""
        return self.home / f"{_sha1(certificate)}.passphrase"

    def _write_passphrase(self, certificate: bytes, passphrase: str) -> None:
        note = self.note(certificate)
        note.touch(mode=0o600)
        note.write_text(passphrase)

    def message(self, content: bytes) -> Path:
        """A message as a file, of a name of its own."""
        path = self.home / f"message-{len(list(self.home.glob('message-*')))}"
        path.write_bytes(content)
        return path

    @abstractmethod
    def trust(self, root: bytes) -> None:
        """Trust this root, and no other."""

    @abstractmethod
    def take(self, path: Path, file: TokenFile) -> None:
        """Take keys and certificates out of the container."""

    @abstractmethod
    def know(self, certificate: bytes, issuer: bytes) -> None:
        """Have somebody else's certificate at hand, to write to them."""

    @abstractmethod
    def sign(self, content: bytes, certificate: bytes) -> bytes:
        """The content within its signature (CMS, DER), by the key of this certificate."""

    @abstractmethod
    def verify(self, signed: bytes) -> Verified:
        """Raises NotOpenedError for a signature that is not good, or whose chain does not end at the root."""

    @abstractmethod
    def encrypt(self, content: bytes, certificate: bytes) -> bytes:
        """For the owner of this certificate."""

    @abstractmethod
    def decrypt(self, encrypted: bytes, certificate: bytes) -> bytes:
        """With the key of this certificate, or the one that the message names."""

    @abstractmethod
    def end(self) -> None:
        """End what it has started and what outlives it."""


class OpenSsl(Program):
    """openssl cms, keys and certificates as PEM files."""

    NEEDS = ("openssl",)

    def trust(self, root: bytes) -> None:
        (self.home / "root.pem").write_bytes(pem(root))

    def take(self, path: Path, file: TokenFile) -> None:
        opened = ("openssl", "pkcs12", "-in", path, "-passin", f"file:{self.note(file.certificate)}")
        key = self._path(file.certificate, "key")
        key.touch(mode=0o600)
        key.write_bytes(run(*opened, "-nocerts", "-noenc"))
        self._path(file.certificate).write_bytes(file.pem)
        self._path(file.certificate, "chain").write_bytes(run(*opened, "-cacerts", "-nokeys"))

    def know(self, certificate: bytes, issuer: bytes) -> None:
        self._path(certificate).write_bytes(pem(certificate))

    def sign(self, content: bytes, certificate: bytes) -> bytes:
        chain = ("-certfile", self._path(certificate, "chain"))
        key = ("-signer", self._path(certificate), "-inkey", self._path(certificate, "key"))
        form = ("-nodetach", "-outform", "DER", "-md", digest_for(certificate))
        return run(*self._cms("-sign", content), *form, *key, *chain)

    def verify(self, signed: bytes) -> Verified:
        signer = self.home / "signer.pem"
        trust = ("-CAfile", self.home / "root.pem", "-no-CApath", "-no-CAstore", "-purpose", "smimesign")
        content = run(*self._cms("-verify", signed), "-inform", "DER", *trust, "-signer", signer)
        subject = run("openssl", "x509", "-in", signer, "-noout", "-subject", "-email")
        return Verified(content, subject.decode())

    def encrypt(self, content: bytes, certificate: bytes) -> bytes:
        to = ("-recip", self._path(certificate))
        return run(*self._cms("-encrypt", content), "-aes256", "-outform", "DER", *to)

    def decrypt(self, encrypted: bytes, certificate: bytes) -> bytes:
        key = ("-recip", self._path(certificate), "-inkey", self._path(certificate, "key"))
        return run(*self._cms("-decrypt", encrypted), "-inform", "DER", *key)

    def end(self) -> None:
        """Nothing outlives it."""

    def _cms(self, verb: str, content: bytes) -> tuple[str | Path, ...]:
        return ("openssl", "cms", verb, "-binary", "-in", self.message(content))

    def _path(self, certificate: bytes, kind: str = "certificate") -> Path:
        return self.home / f"{hashlib.sha256(certificate).hexdigest()[:16]}-{kind}.pem"


class Nss(Program):
    """cmsutil, with the certificate database that Thunderbird and Evolution have."""

    NEEDS = ("cmsutil", "certutil", "pk12util")

    def trust(self, root: bytes) -> None:
        nss_database(self.home, root)

    def take(self, path: Path, file: TokenFile) -> None:
        run("pk12util", *self._database, "-i", path, "-w", self.note(file.certificate), "-K", "")

    def know(self, certificate: bytes, issuer: bytes) -> None:
        self._add(issuer, "issuer")
        self._add(certificate, hashlib.sha256(certificate).hexdigest())

    def sign(self, content: bytes, certificate: bytes) -> bytes:
        digest = ("-H", digest_for(certificate))
        return self._cms("-S", content, "-N", self._nickname(certificate), *digest, "-G", "-u", SIGNER)

    def verify(self, signed: bytes) -> Verified:
        path = self.message(signed)
        command = ("cmsutil", "-D", *self._database, "-u", SIGNER, "-i", path)
        words = run(*command, "-n", "-h", "0").decode()
        signer = re.search(r'signer0\.id="(.*)"; signer0\.status=GoodSignature', words)
        if signer is None:
            raise NotOpenedError(words)
        return Verified(run(*command), signer[1])

    def encrypt(self, content: bytes, certificate: bytes) -> bytes:
        return self._cms("-E", content, "-r", self._nickname(certificate), "-u", RECIPIENT)

    def decrypt(self, encrypted: bytes, certificate: bytes) -> bytes:
        return self._cms("-D", encrypted, "-u", RECIPIENT)

    def end(self) -> None:
        """Nothing outlives it."""

    @property
    def _database(self) -> tuple[str, str]:
        return ("-d", f"sql:{self.home}")

    def _cms(self, verb: str, content: bytes, *options: str) -> bytes:
        return run("cmsutil", verb, *self._database, *options, "-i", self.message(content))

    def _add(self, certificate: bytes, name: str) -> None:
        run("certutil", "-A", *self._database, "-n", name, "-t", ",,", "-i", self.message(certificate))

    def _nickname(self, certificate: bytes) -> str:
        """What the database calls it."""
        for line in run("certutil", "-L", *self._database).decode().splitlines():
            name = re.sub(r"\s+[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\s*$", "", line)
            if name != line and certificate in self._called(name):
                return name
        raise NotOpenedError("the certificate is not in the database")

    def _called(self, name: str) -> list[bytes]:
        found = run("certutil", "-L", *self._database, "-n", name, "-a")
        return [each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(found)]


class Gpgsm(Program):
    """gpgsm; it trusts whom its trust list names, and asks nobody for a CRL."""

    NEEDS = ("gpgsm", "gpgconf")

    def trust(self, root: bytes) -> None:
        # Without this, the agent takes seconds to find out how long to stretch its own passphrase.
        (self.home / "gpg-agent.conf").write_text("s2k-count 65536\n", encoding="ascii")
        (self.home / "trustlist.txt").write_text(f"{_sha1(root)} S\n", encoding="ascii")
        self._gpgsm("--import", self.message(root))

    def take(self, path: Path, file: TokenFile) -> None:
        self._gpgsm("--import", path, key_of=file.certificate)

    def know(self, certificate: bytes, issuer: bytes) -> None:
        for each in (issuer, certificate):
            self._gpgsm("--import", self.message(each))

    def sign(self, content: bytes, certificate: bytes) -> bytes:
        by = ("-u", f"0x{_sha1(certificate)}")
        return self._gpgsm(*by, "--sign", self.message(content), key_of=certificate)

    def verify(self, signed: bytes) -> Verified:
        out = self.home / "content"
        words = self._gpgsm(
            "--yes", "--output", out, "--status-fd", "1", "--verify", self.message(signed)
        ).decode()
        signer = re.search(r"^\[GNUPG:\] GOODSIG \S+ (.*)$", words, re.MULTILINE)
        if signer is None or "[GNUPG:] TRUST_FULLY" not in words:
            raise NotOpenedError(words)
        return Verified(out.read_bytes(), signer[1])

    def encrypt(self, content: bytes, certificate: bytes) -> bytes:
        return self._gpgsm("-r", f"0x{_sha1(certificate)}", "--encrypt", self.message(content))

    def decrypt(self, encrypted: bytes, certificate: bytes) -> bytes:
        return self._gpgsm("--decrypt", self.message(encrypted), key_of=certificate)

    def end(self) -> None:
        run("gpgconf", "--homedir", self.home, "--kill", "all")

    def _gpgsm(self, *options: str | Path, key_of: bytes | None = None) -> bytes:
        """Its agent keeps a key under the passphrase of the container that the key came in."""
        secret = self.note(key_of).read_bytes() if key_of else b""
        base = ("gpgsm", "--homedir", self.home, "--batch", "--disable-dirmngr", "--disable-crl-checks")
        return run(*base, "--pinentry-mode", "loopback", "--passphrase-fd", "0", *options, stdin=secret)


PROGRAMS: dict[str, type[Program]] = {"OpenSSL": OpenSsl, "NSS": Nss, "gpgsm": Gpgsm}


def digest_for(certificate: bytes) -> str:
    """As long as the key is strong (RFC 5753 7.1): gpgsm calls SHA-256 under a P-384 key not valid."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return "SHA384" if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size == 384 else "SHA256"


def _sha1(certificate: bytes) -> str:
    """The fingerprint by which gpgsm knows a certificate."""
    return hashlib.sha1(certificate, usedforsecurity=False).hexdigest().upper()
