"""A correspondent's way: mail is encrypted to what OpenLDAP gives, and the delivered file opens it."""

import base64
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ca_bridge.connection import registry
from ca_bridge.x509.certificates import names_itself
from identity_manager.models import Container, SoftwareToken
from tests.interop.smime_programs import Nss
from tests.tools import slapd, targets
from tests.tools.cast import Company, shown
from tests.tools.slapd import SUFFIX, Slapd
from tests.tools.targets import mail_type, placement, serve, switched_on, token_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program("slapd", "ldapmodify", "ldapsearch", "openssl", "gpgsm", "dirmngr", "gpgconf"),
]
UMA = f"uid=uma,ou=people,{SUFFIX}"
LETTER = b"Dear Uma, nobody had a signed mail from you."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Slapd]:
    uma = slapd.person(1).replace("uid=p1", "uid=uma").replace("uid: p1", "uid: uma")
    with slapd.running(tmp_path, uma.replace("p1@example.com", "uma@example.com")) as found:
        yield found


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
    targets.profile("mail", **targets.MAIL | {"key_usage": ["keyEncipherment"]})
    mail_type(key_algorithm="rsa-2048")
    switched_on()


def run(*words: object, given: bytes = b"", **more: Any) -> bytes:
    command = [str(each) for each in words]
    return subprocess.run(command, input=given, check=True, capture_output=True, timeout=60, **more).stdout


def looked_up(server: Slapd, attribute: str = "userCertificate;binary", *more: str) -> bytes:
    """As any program does: anonymous, by address."""
    address = f"ldap://{slapd.HOST}:{server.port}"
    search = ("-x", "-LLL", "-o", "ldif-wrap=no", "-H", address, "-b", SUFFIX, *more)
    found = run("ldapsearch", *search, "(mail=uma@example.com)", attribute).decode()
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


def delivered_key(token: SoftwareToken, folder: Path) -> Path:
    """The key of the file that the person got."""
    file = Container.objects.get(certificate=placement(token).certificate, format="standard")
    (folder / "uma.p12").write_bytes(file.content)
    opened = ("-in", folder / "uma.p12", "-nodes", "-passin", "stdin")
    key = run("openssl", "pkcs12", *opened, given=shown(token).encode())
    (folder / "key.pem").write_bytes(key)
    return folder / "key.pem"


@pytest.mark.usefixtures("target")
@pytest.mark.needs_program(*Nss.NEEDS)
def test_what_thunderbird_asks_for_encrypts_in_its_database(
    server: Slapd, company: Company, tmp_path: Path
) -> None:
    """Its query (certFetchingStatus.js): this spelling, at most two entries; what comes goes into NSS."""
    token = token_of(company)
    serve()
    row = placement(token).certificate
    answer = looked_up(server, "usercertificate;binary", "-z", "2")
    root = next(each for each in registry.connector(row.ca).chain() if names_itself(each))
    home = tmp_path / "nss"
    home.mkdir()
    nss = Nss(home, root)
    nss.know(answer, row.chain[0])
    sealed = nss.encrypt(LETTER, answer)
    opened = ("-inform", "DER", "-inkey", delivered_key(token, tmp_path))
    assert run("openssl", "cms", "-decrypt", *opened, given=sealed).strip() == LETTER


@pytest.mark.usefixtures("target")
def test_gpgsm_finds_it_by_its_own_look_up(server: Slapd, company: Company) -> None:
    token = token_of(company)
    serve()
    with tempfile.TemporaryDirectory(prefix="gpgsm-") as home:  # its sockets need a short path
        server_line = f"ldapserver {slapd.HOST}:{server.port}:::{SUFFIX}:plain\n"
        Path(home, "dirmngr.conf").write_text(server_line, encoding="ascii")
        try:
            found = run(
                "gpgsm", "--homedir", home, "--batch", "--list-external-keys", "uma@example.com"
            ).decode()
        finally:
            run("gpgconf", "--homedir", home, "--kill", "all")
    assert placement(token).certificate.serial.lower() in found.lower().replace(" ", "")


def as_thunderbird(server: Slapd, addresses: tuple[str, ...], url_filter: str = "") -> list[bytes]:
    """What Thunderbird's certFetchingStatus.js asks: filter, attribute, at most two entries an address."""
    mails = "".join(f"(mail={address})" for address in addresses)
    any_of = f"(|{mails})" if len(addresses) > 1 else mails
    wanted = f"(&{url_filter}{any_of})" if url_filter else any_of
    address = f"ldap://{slapd.HOST}:{server.port}"
    how = ("-x", "-LLL", "-o", "ldif-wrap=no", "-H", address, "-b", SUFFIX, "-s", "sub")
    limit = str(2 * len(addresses))
    found = run("ldapsearch", *how, "-z", limit, wanted, "usercertificate;binary").decode()
    lines = [line.partition(":: ") for line in found.splitlines()]
    return [
        base64.b64decode(value) for name, _mark, value in lines if name.lower() == "usercertificate;binary"
    ]


@pytest.mark.usefixtures("target")
def test_the_look_up_of_thunderbird_finds_it(server: Slapd, company: Company) -> None:
    """The request of its source, not the program. The address book may have a filter of its own."""
    token = token_of(company)
    serve()
    ours = [placement(token).certificate.der]
    nobody = "nobody@example.com"
    assert as_thunderbird(server, ("uma@example.com",)) == ours
    assert as_thunderbird(server, ("uma@example.com", nobody), "(objectClass=inetOrgPerson)") == ours
    assert as_thunderbird(server, (nobody,)) == []
