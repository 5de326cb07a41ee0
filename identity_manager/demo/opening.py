"""Opens a delivered container with openssl and the passphrase from the portal."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 30


class DoesNotOpenError(Exception):
    """The container cannot be opened, or its content is wrong. The message never contains a passphrase."""


@dataclass(frozen=True)
class OpenedContainer:
    """Content of a container. subject: of the leaf certificate. issuers: number of CA certificates."""

    file_name: str
    subject: str
    issuers: int


def open_container(container: bytes, *, file_name: str, passphrase: str, root: bytes) -> OpenedContainer:
    """Open a PKCS#12 container; verify the chain up to the root (PEM), and that the key is the certificate's.

    openssl gets the passphrase on standard input, never as an argument. Raises DoesNotOpenError.
    """
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "container.p12").write_bytes(container)
        (place / "root.pem").write_bytes(root)
        leaf = _pkcs12(place, passphrase, "-nokeys", "-clcerts")
        issuers = _pkcs12(place, passphrase, "-nokeys", "-cacerts")
        (place / "leaf.pem").write_bytes(leaf)
        (place / "issuers.pem").write_bytes(issuers)
        _openssl(place, "verify", "-CAfile", "root.pem", "-untrusted", "issuers.pem", "leaf.pem")
        key = _pkcs12(place, passphrase, "-nocerts", "-noenc")
        of_key = _openssl(place, "pkey", "-pubout", stdin=key)
        of_certificate = _openssl(place, "x509", "-in", "leaf.pem", "-noout", "-pubkey")
        if of_key != of_certificate:
            raise DoesNotOpenError(f"{file_name}: the key is not the certificate's")
        subject = _openssl(
            place, "x509", "-in", "leaf.pem", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus"
        )
    return OpenedContainer(
        file_name, subject.decode().removeprefix("subject=").strip(), issuers.count(b"BEGIN CERT")
    )


def _pkcs12(place: Path, passphrase: str, *what: str) -> bytes:
    arguments = ("pkcs12", "-in", "container.p12", "-passin", "stdin", *what)
    return _openssl(place, *arguments, stdin=passphrase.encode("ascii") + b"\n")


def _openssl(place: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 fixed words and file names of our own
            ["openssl", *arguments],  # noqa: S607 the openssl in PATH, as a person would use it
            cwd=place,
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise DoesNotOpenError("The program openssl is not installed.") from error
    if done.returncode != 0:
        raise DoesNotOpenError(
            f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()[:300]}"
        )
    return done.stdout
