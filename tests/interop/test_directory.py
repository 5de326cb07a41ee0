"""A correspondent's way: mail is encrypted to what a directory gives, and the delivered file opens it."""

import base64
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connection import registry
from ca_bridge.x509.certificates import names_itself
from identity_manager.models import Container, SoftwareToken
from identity_manager.targets.contract import Item
from tests.identity_manager.targets import directories
from tests.identity_manager.targets.directories import Directory
from tests.interop.matrix import Matrix
from tests.tools import slapd, targets, thunderbird
from tests.tools.cast import Company, shown
from tests.tools.gateways import MAIL_KEY
from tests.tools.slapd import SUFFIX, Slapd
from tests.tools.targets import mail_type, placement, serve, switched_on, token_of
from tests.tools.thunderbird import Thunderbird
from tests.tools.x509 import person_certificate

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program("slapd", "ldapmodify", "ldapsearch", "openssl", "gpgsm", "dirmngr", "gpgconf"),
]
PERSONS = ("uma", "paul")
TABLE = "Certificates in a directory"
ROWS = ("OpenLDAP", "Samba AD DC")
LETTER = b"Dear Uma, nobody had a signed mail from you."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Slapd]:
    entries = [slapd.person(number).replace(f"p{number}", name) for number, name in enumerate(PERSONS)]
    with slapd.running(tmp_path, "".join(entries)) as found:
        yield found


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def short_home() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gpgsm-") as home:
        yield home


@pytest.fixture
def target(server: Slapd, settings: Any, company: Company) -> None:
    options = {
        "url": f"ldaps://{slapd.HOST}:{server.tls_port}",
        "ca_file": server.certificate,
        "bind_dn": slapd.PUBLISHER,
        "base": SUFFIX,
        "match": "mail",
        "flavour": "generic",
    }
    settings.TARGETS = {
        "corp": targets.parse("corp", {"kind": "ldap", "options": options}, secret=slapd.PASSWORD)
    }
    targets.profile("mail", **MAIL_KEY | {"key_usage": ["keyEncipherment"]})
    mail_type(key_algorithm="rsa-2048")
    switched_on()


def run(*words: object, given: bytes = b"", **more: Any) -> bytes:
    command = [str(each) for each in words]
    return subprocess.run(command, input=given, check=True, capture_output=True, timeout=60, **more).stdout


def looked_up(server: Slapd) -> bytes:
    """As any program does: anonymous, by address."""
    address = f"ldap://{slapd.HOST}:{server.port}"
    search = ("-x", "-LLL", "-o", "ldif-wrap=no", "-H", address, "-b", SUFFIX)
    found = run("ldapsearch", *search, "(mail=uma@example.com)", "userCertificate;binary").decode()
    values = [
        line.partition(":: ")[2]
        for line in found.splitlines()
        if line.lower().startswith("usercertificate;binary::")
    ]
    assert len(values) == 1
    return base64.b64decode(values[0])


@pytest.mark.usefixtures("target")
def test_mail_encrypted_to_what_ldap_gives_opens_with_the_delivered_file(
    server: Slapd, company: Company, tmp_path: Path
) -> None:
    token = token_of(company)
    serve()
    found = looked_up(server)
    assert found == placement(token).certificate.der

    (tmp_path / "uma.der").write_bytes(found)
    run("openssl", "x509", "-inform", "DER", "-in", tmp_path / "uma.der", "-out", tmp_path / "uma.pem")
    sealed = run("openssl", "cms", "-encrypt", "-aes-256-gcm", tmp_path / "uma.pem", given=LETTER)

    letter = run("openssl", "cms", "-decrypt", "-inkey", delivered_key(token, tmp_path), given=sealed)
    assert letter.replace(b"\r\n", b"\n").strip() == LETTER


def delivered_file(token: SoftwareToken) -> bytes:
    """The file that the person got."""
    return Container.objects.get(certificate=placement(token).certificate, format="standard").content


def delivered_key(token: SoftwareToken, folder: Path) -> Path:
    """The key in it."""
    (folder / "uma.p12").write_bytes(delivered_file(token))
    opened = ("-in", folder / "uma.p12", "-nodes", "-passin", "stdin")
    key = run("openssl", "pkcs12", *opened, given=shown(token).encode())
    (folder / "key.pem").write_bytes(key)
    return folder / "key.pem"


def gpgsm(home: str, server: str, address: str, **environment: str) -> str:
    """What gpgsm lists; server: as dirmngr.conf has it. The home needs a short path, for sockets."""
    Path(home, "dirmngr.conf").write_text(f"ldapserver {server}\n", encoding="ascii")
    whole = {"PATH": os.environ["PATH"], **environment}
    try:
        listed = run("gpgsm", "--homedir", home, "--batch", "--list-external-keys", address, env=whole)
    finally:
        run("gpgconf", "--homedir", home, "--kill", "all", env=whole)
    return listed.decode()


def lists(listing: str, der: bytes) -> bool:
    """Whether the listing has this certificate."""
    serial = x509.load_der_x509_certificate(der).serial_number
    return re.search(rf"S/N: 0*{serial:X}$", listing, re.MULTILINE) is not None


@pytest.mark.usefixtures("target")
def test_gpgsm_finds_it_without_an_account(
    server: Slapd, company: Company, short_home: str, matrix: Matrix
) -> None:
    token = token_of(company)
    serve()
    found = gpgsm(short_home, f"{slapd.HOST}:{server.port}:::{SUFFIX}:plain", "uma@example.com")
    assert lists(found, placement(token).certificate.der)
    matrix.says(TABLE, row=ROWS[0], column="gpgsm")


def sent_by(program: Thunderbird, to: str) -> bytes:
    """The encrypted content (CMS) of the letter that Thunderbird puts into its Outbox."""
    message = message_from_bytes(program.send_later())
    assert (message["To"], message.get_param("smime-type")) == (to, "enveloped-data")
    return bytes(message.get_payload(decode=True))


@pytest.mark.usefixtures("target")
@pytest.mark.nightly  # before each change OpenLDAP's own programs and gpgsm ask
@pytest.mark.needs_program(*thunderbird.NEEDS)
def test_thunderbird_finds_it_and_encrypts_to_it(
    server: Slapd, company: Company, tmp_path: Path, matrix: Matrix
) -> None:
    """It uses what it found once it knows the issuing CA: from the file of the person who writes."""
    uma, paul, sam = (token_of(company, name) for name in ("uma", "paul", "sam"))
    serve()
    published, own = placement(uma).certificate, placement(sam).certificate
    root = next(each for each in registry.connector(own.ca).chain() if names_itself(each))
    directory = f"ldap://{slapd.HOST}:{server.port}/{SUFFIX}??sub?(objectClass=inetOrgPerson)"
    with thunderbird.running(tmp_path / "thunderbird", directory=directory, roots=(root,)) as program:
        matrix.program("Thunderbird", lambda: program.version)
        program.look_up("nobody@example.com", "paul@example.com")
        assert program.certificate_for("paul@example.com") == b""
        program.own(delivered_file(sam), shown(sam), own.der)
        assert program.certificate_for("paul@example.com") == placement(paul).certificate.der

        assert program.write("uma@example.com", "Hello", LETTER.decode()) == []
        assert program.asked == ["uma@example.com"]
        assert program.certificate_for("uma@example.com") == published.der
        sealed = sent_by(program, "uma@example.com")
        assert program.write("nobody@example.com", "Hello", "") == ["nobody@example.com"]
        assert program.asked == ["nobody@example.com"]
    (tmp_path / "uma.der").write_bytes(published.der)
    hers = ("-recip", tmp_path / "uma.der", "-inkey", delivered_key(uma, tmp_path))
    letter = message_from_bytes(run("openssl", "cms", "-decrypt", "-inform", "DER", *hers, given=sealed))
    assert letter.get_payload(decode=True).strip() == LETTER
    matrix.says(TABLE, row=ROWS[0], column="Thunderbird")


# --- With an account, and TLS


@pytest.fixture(
    scope="module",
    params=["slapd", pytest.param("samba", marks=(pytest.mark.nightly, *directories.SAMBA.marks))],
)
def published(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Directory, Item]]:
    """A directory, and what the target has put there for p0."""
    with directories.running(request.param, tmp_path_factory.mktemp(request.param)) as directory:
        target, item = directory.target(), Item(person_certificate(1000))
        target.put(target.locate("p0@example.com"), item)
        target.close()
        yield directory, item


def test_gpgsm_finds_it_with_an_account(
    published: tuple[Directory, Item], short_home: str, matrix: Matrix
) -> None:
    directory, item = published
    options, url = directory.options, urlsplit(directory.options["url"])
    account = f"{options['bind_dn']}:{directory.password}:{options['base']}"
    server = f"{url.hostname}:{url.port or 636}:{account}:ldaptls"
    found = gpgsm(short_home, server, "p0@example.com", LDAPTLS_CACERT=options["ca_file"])
    assert lists(found, item.certificate)
    matrix.says(TABLE, row=ROWS[directory.is_ad], column="gpgsm")


@pytest.mark.nightly  # before each change OpenLDAP's own programs and gpgsm ask
@pytest.mark.needs_program(*thunderbird.NEEDS)
def test_thunderbird_finds_it_with_an_account_in_openldap_alone(
    published: tuple[Directory, Item], tmp_path: Path, matrix: Matrix
) -> None:
    """It asks for userCertificate;binary: OpenLDAP names its values so in any case, Samba has none."""
    directory, item = published
    options = directory.options
    url = f"{options['url']}/{options['base']}??sub?(objectClass=*)"
    trusted = x509.load_pem_x509_certificate(Path(options["ca_file"]).read_bytes()).public_bytes(Encoding.DER)
    account = thunderbird.Account(options["bind_dn"], directory.password)
    with thunderbird.running(tmp_path, directory=url, roots=(trusted,), account=account) as program:
        program.look_up("p0@example.com")
        assert program.got_an_entry
        found = program.has(item.certificate)
    matrix.says(TABLE, row=ROWS[directory.is_ad], column="Thunderbird", word="yes" if found else "no")
