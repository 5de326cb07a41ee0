"""The programs that open a container, each as the people who have it do.

A passphrase never stands in a process's arguments: it goes by file, standard input or the program's template.
"""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from tests.tools.commands import NotOpenedError, nss_database, run, said

PEM_KEY = re.compile(rb"-----BEGIN ((?:ENCRYPTED )?PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """What a program found: private keys that it can use, certificates (DER), names that it shows.

    None where it does not say.
    """

    keys: int
    certificates: frozenset[bytes] | None
    names: tuple[str, ...] | None


@dataclass(frozen=True)
class Job:
    """A container to open, the file that holds its passphrase, and a directory to work in."""

    container: Path
    passphrase: Path
    workshop: Path


@dataclass(frozen=True)
class Program:
    """needs: what has to be installed for it; version: a command, and where it says so."""

    name: str
    needs: tuple[str, ...]
    version: Callable[[], str]

    def __str__(self) -> str:
        return re.sub(r"\W+", "-", self.name).strip("-").lower()


@dataclass(frozen=True)
class Reader(Program):
    """One that opens a container."""

    open: Callable[[Job], Seen]


def _der(output: bytes) -> frozenset[bytes]:
    """The certificates that a program shows as PEM."""
    return frozenset(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(output))


def openssl(job: Job, *more: str) -> Seen:
    """Its names are in Latin-1 only, so they are not looked at."""
    command = ("openssl", "pkcs12", *more, "-in", job.container, "-passin", f"file:{job.passphrase}")
    opened = run(*command, "-nodes")
    keys = [match.group() for match in PEM_KEY.finditer(opened)]
    for key in keys:
        run("openssl", "pkey", "-noout", "-check", stdin=key)
    return Seen(len(keys), _der(opened), None)


def openssl_legacy(job: Job) -> Seen:
    """With the old algorithms switched on, as people do who met an old file."""
    return openssl(job, "-legacy")


def nss(job: Job) -> Seen:
    """Into a new database; only what certutil finds there afterwards counts."""
    database, empty = nss_database(job.workshop), job.workshop / "empty"
    empty.write_bytes(b"")
    run("pk12util", "-i", job.container, *database, "-w", job.passphrase, "-k", empty)
    listed = run("certutil", "-K", *database, "-f", empty).decode()
    keys = re.findall(r"^<\s*\d+>\s+\S+\s+[0-9a-f]{40}\s+(.+?)\s*$", listed, re.MULTILINE)
    nicknames = re.findall(
        r"^(.+?)\s+[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\s*$",
        run("certutil", "-L", *database).decode(),
        re.MULTILINE,
    )
    inside = [run("certutil", "-L", *database, "-n", each, "-a") for each in nicknames if "," not in each]
    return Seen(len(keys), _der(b"".join(inside)), (*keys,))


def gnutls(job: Job) -> Seen:
    """certtool takes passphrases from a template. It shows the key encrypted; a second call decrypts it."""
    template = job.workshop / "template"
    template.write_text(f'password = "{job.passphrase.read_text("ascii").strip()}"\n', encoding="ascii")
    command = ("certtool", "--p12-info", "--inder", "--infile", job.container, "--template", template)
    opened = run(*command)
    keys = [match.group() for match in PEM_KEY.finditer(opened)]
    for key in keys:
        run("certtool", "--key-info", "--template", template, stdin=key)
    # Names are among what it says beside what it writes.
    said_beside = run(*command, "--stdout-info").decode()
    names = re.findall(r"Friendly name: (.+)", said_beside)
    return Seen(len(keys), _der(opened), tuple(dict.fromkeys(names)))


def gpgsm(job: Job) -> Seen:
    """Into a new home; only the secret keys that it lists afterwards count. It keeps no names."""
    with tempfile.TemporaryDirectory(prefix="gpgsm-") as home:  # its sockets need a short path
        # Without this, the agent takes seconds to find out how long to stretch its own passphrase.
        Path(home, "gpg-agent.conf").write_text("s2k-count 65536\n", encoding="ascii")
        base = ("gpgsm", "--homedir", home, "--batch", "--disable-dirmngr")
        loopback = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")
        try:
            run(*base, *loopback, "--import", job.container, stdin=job.passphrase.read_bytes())
            secret = run(*base, "--list-secret-keys", "--with-colons").decode()
            exported = run(*base, "--armor", "--export")
        finally:
            run("gpgconf", "--homedir", home, "--kill", "all")
    return Seen(len(re.findall(r"^crs:", secret, re.MULTILINE)), _der(exported), None)


def keytool(executable: str) -> Callable[[Job], Seen]:
    """Into a new keystore, which is then looked at by another program: keytool shows no chain in passing."""

    def opened(job: Job) -> Seen:
        store = job.workshop / "keystore.p12"
        source = ("-srckeystore", job.container, "-srcstoretype", "PKCS12")
        target = ("-destkeystore", store, "-deststoretype", "PKCS12")
        # The option's name says how the password comes: by file.
        passwords = ("-srcstorepass:file", job.passphrase, "-deststorepass:file", job.passphrase)
        command = (executable, "-J-XX:TieredStopAtLevel=1", "-importkeystore", "-noprompt")
        run(*command, *source, *target, *passwords)
        found = pkcs12.load_pkcs12(store.read_bytes(), job.passphrase.read_bytes().strip())
        return _seen(found)

    return opened


NODE_SCRIPT = """
const fs = require("fs"), passphrase = fs.readFileSync(0, "utf8").trim();
const pfx = fs.readFileSync(process.argv[1]);
const { context } = require("tls").createSecureContext({ pfx, passphrase });
for (const each of [context.getCertificate(), context.getIssuer()])
  if (each) console.log(each.toString("hex"));
"""


def node(job: Job) -> Seen:
    """What a TLS client in Node presents; it takes one key, and no name."""
    out = run("node", "-e", NODE_SCRIPT, job.container, stdin=job.passphrase.read_bytes())
    return Seen(1, frozenset(bytes.fromhex(line) for line in out.decode().split()), None)


def pyca(job: Job) -> Seen:
    """The library under most Python programs."""
    try:
        found = pkcs12.load_pkcs12(job.container.read_bytes(), job.passphrase.read_bytes().strip())
    except ValueError as error:
        raise NotOpenedError(str(error)) from error
    return _seen(found)


def _seen(found: pkcs12.PKCS12KeyAndCertificates) -> Seen:
    own = [found.cert] if found.cert else []
    ders = frozenset(each.certificate.public_bytes(Encoding.DER) for each in (*own, *found.additional_certs))
    names = tuple((each.friendly_name or b"").decode() for each in own)
    return Seen(int(found.key is not None), ders, names)


def _nss_version() -> str:
    """NSS's programs do not say theirs."""
    return said("dpkg-query", "-W", "-f", "${Version}", "libnss3", pattern=r"(?<=:)[\d.]+")


def _javas() -> list[Reader]:
    """keytool of each Java that is installed; where none is, the one that a missing program is told by."""
    found: dict[int, str] = {}
    for path in sorted(Path("/usr/lib/jvm").glob("*/bin/keytool")):
        major = _java_major(path.parent.parent)
        if major and not path.parent.parent.is_symlink():
            found.setdefault(major, str(path))
    return [_keytool_reader(f"Java {major}", path) for major, path in sorted(found.items())] or [
        _keytool_reader("Java", "keytool")
    ]


def _java_major(home: Path) -> int | None:
    release = home / "release"
    found = re.search(r'JAVA_VERSION="(\d+)', release.read_text("utf-8")) if release.exists() else None
    return int(found.group(1)) if found else None


def _keytool_reader(name: str, executable: str) -> Reader:
    return Reader(name, (executable,), lambda: said(java_of(executable), "-version"), keytool(executable))


def java_of(executable: str) -> str:
    """The java beside a keytool."""
    return str(Path(executable).with_name("java"))


READERS: tuple[Reader, ...] = (
    Reader("openssl", ("openssl",), lambda: said("openssl", "version"), openssl),
    Reader("openssl -legacy", ("openssl",), lambda: said("openssl", "version"), openssl_legacy),
    Reader("NSS pk12util", ("pk12util", "certutil"), _nss_version, nss),
    Reader("GnuTLS certtool", ("certtool",), lambda: said("certtool", "--version"), gnutls),
    Reader("gpgsm", ("gpgsm",), lambda: said("gpgsm", "--version"), gpgsm),
    *_javas(),
    Reader("Node", ("node",), lambda: said("node", "--version"), node),
    Reader("Python cryptography", (), lambda: cryptography.__version__, pyca),
)
