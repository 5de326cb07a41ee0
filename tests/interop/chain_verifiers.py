"""The programs that decide whether a certificate holds: chain, signature, revocation by CRL."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyhanko_certvalidator
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathValidationError, RevokedError

from tests.interop.container_readers import READERS, Program, java_of
from tests.interop.tokens import pem
from tests.tools.commands import ended, nss_database, run, said

ACCEPTED, REVOKED, REFUSED = "accepted", "refused: revoked", "refused"
JAVA_PROGRAM = Path(__file__).parent / "Revocation.java"


@dataclass(frozen=True)
class Published:
    """What everybody can fetch of the CA (DER): certificates and CRLs of root and issuing CA."""

    root: bytes
    issuing: bytes
    root_crl: bytes
    issuing_crl: bytes


@dataclass(frozen=True)
class Verifier(Program):
    """verdict: of each leaf (DER), with what is published, in a directory to work in."""

    verdict: Callable[[bytes, Published, Path], str]


def _run(*command: str | Path) -> tuple[int, str]:
    """Return code, and everything that the program says."""
    done = ended(*command, timeout=90)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def _put(directory: Path, **contents: bytes) -> dict[str, Path]:
    paths = {name: directory / name for name in contents}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    return paths


def _crl_pem(der: bytes) -> bytes:
    return run("openssl", "crl", "-inform", "DER", stdin=der)


def openssl(leaf: bytes, of: Published, directory: Path) -> str:
    """Strictly by RFC 5280, with a CRL for every link."""
    files = _put(
        directory,
        root=pem(of.root),
        issuing=pem(of.issuing),
        crls=_crl_pem(of.root_crl) + _crl_pem(of.issuing_crl),
        leaf=pem(leaf),
    )
    code, out = _run(
        "openssl", "verify", "-x509_strict", "-crl_check_all", "-no-CAfile", "-no-CApath", "-no-CAstore",
        "-trusted", files["root"], "-untrusted", files["issuing"], "-CRLfile", files["crls"], files["leaf"],
    )  # fmt: skip
    return _word(accepted=code == 0, revoked="certificate revoked" in out)


def _word(*, accepted: bool, revoked: bool) -> str:
    if accepted:
        return ACCEPTED
    return REVOKED if revoked else REFUSED


def gnutls(leaf: bytes, of: Published, directory: Path) -> str:
    files = _put(
        directory,
        root=pem(of.root),
        crls=_crl_pem(of.root_crl) + _crl_pem(of.issuing_crl),
        chain=pem(leaf) + pem(of.issuing),
    )
    code, out = _run(
        "certtool", "--verify", "--load-ca-certificate", files["root"], "--load-crl", files["crls"],
        "--infile", files["chain"],
    )  # fmt: skip
    return _word(accepted=code == 0, revoked="chain is revoked" in out)


def nss(leaf: bytes, of: Published, directory: Path) -> str:
    """For signing in to a server, with the CRLs in the database."""
    files = _put(directory, issuing_der=of.issuing, leaf_der=leaf,
                 root_crl=of.root_crl, issuing_crl=of.issuing_crl, empty=b"")  # fmt: skip
    database = nss_database(directory, of.root)
    for name in ("issuing", "leaf"):
        run("certutil", "-A", *database, "-n", name, "-t", ",,", "-i", files[f"{name}_der"])
    for name in ("root_crl", "issuing_crl"):
        run("crlutil", "-I", *database, "-i", files[name], "-t", "1", "-f", files["empty"])
    code, out = _run("certutil", "-V", *database, "-n", "leaf", "-u", "C", "-e", "-f", files["empty"])
    return _word(accepted=code == 0 and "certificate is valid" in out, revoked="has been revoked" in out)


def java(executable: str) -> Callable[[bytes, Published, Path], str]:
    """PKIX of the Java platform, by a program of one file."""

    def verdict(leaf: bytes, of: Published, directory: Path) -> str:
        files = _put(directory, root=of.root, issuing=of.issuing, root_crl=of.root_crl,
                     issuing_crl=of.issuing_crl, leaf=leaf)  # fmt: skip
        code, out = _run(executable, "-XX:TieredStopAtLevel=1", JAVA_PROGRAM, *files.values())
        assert code == 0, out
        return _word(accepted=out.strip() == "good", revoked=out.startswith("revoked"))

    return verdict


def pyhanko(leaf: bytes, of: Published, _directory: Path) -> str:
    """The validator that signers of PDF documents use."""
    load = asn1_x509.Certificate.load
    context = ValidationContext(
        trust_roots=[load(of.root)],
        other_certs=[load(of.issuing)],
        crls=[asn1_crl.CertificateList.load(each) for each in (of.root_crl, of.issuing_crl)],
        revocation_mode="require",
        allow_fetching=False,
    )
    validator = CertificateValidator(load(leaf), validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage(set()))
    except RevokedError:
        return REVOKED
    except PathValidationError:
        return REFUSED
    return ACCEPTED


_BY_NAME = {each.name: each for each in READERS}
_JAVAS = {each.name: java_of(*each.needs) for each in READERS if each.name.startswith("Java")}
VERIFIERS: tuple[Verifier, ...] = (
    Verifier("openssl", ("openssl",), _BY_NAME["openssl"].version, openssl),
    Verifier("NSS certutil", ("certutil", "crlutil"), _BY_NAME["NSS pk12util"].version, nss),
    Verifier("GnuTLS certtool", ("certtool", "openssl"), lambda: said("certtool", "--version"), gnutls),
    *(Verifier(name, (program,), _BY_NAME[name].version, java(program)) for name, program in _JAVAS.items()),
    Verifier("pyhanko-certvalidator", (), lambda: pyhanko_certvalidator.__version__, pyhanko),
)
