"""The directories under test, with one shape: OpenLDAP, and Samba as Active Directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from identity_manager.targets.configuration import parse
from identity_manager.targets.ldap.connector import LdapTarget
from tests.tools import samba, slapd
from tests.tools.samba import Samba
from tests.tools.slapd import Slapd

PERSONS = 6
SAMBA = pytest.param(
    "samba",
    marks=(
        pytest.mark.long,
        pytest.mark.needs_program("samba", "samba-tool", "ldbadd"),
        pytest.mark.skipif(not samba.is_possible(), reason="binds the ports of a domain controller: root"),
    ),
)


@dataclass(frozen=True)
class Directory:
    """A server with persons p0, p1, ...; attribute: as it stands in LDIF."""

    server: Slapd | Samba
    options: dict[str, Any]
    password: str
    attribute: str

    @property
    def is_ad(self) -> bool:
        return isinstance(self.server, Samba)

    def target(self, *, secret: str | None = None, **options: Any) -> LdapTarget:
        given = {"kind": "ldap", "options": self.options | options}
        password = self.password if secret is None else secret
        return LdapTarget(parse("corp", given, secret=password))

    def dn(self, name: str) -> str:
        return f"CN={name},CN=Users,{samba.DOMAIN}" if self.is_ad else f"uid={name},ou=people,{slapd.SUFFIX}"

    def change(self, ldif: str) -> None:
        """As somebody else, who may write everything."""
        if isinstance(self.server, Samba):
            self.server.ldb("ldbmodify", ldif)
        else:
            self.server.modify(ldif)

    def add(self, name: str, more: str = "") -> None:
        number = int(name[1:])
        if isinstance(self.server, Samba):
            self.server.ldb("ldbadd", samba.user(name, more=more))
        else:
            person = slapd.person(number, more=more)
            head, _line, rest = person.partition("\n")
            self.server.modify(f"{head}\nchangetype: add\n{rest}")

    def remove(self, name: str) -> None:
        self.change(f"dn: {self.dn(name)}\nchangetype: delete\n\n")

    def rename(self, name: str, new: str) -> None:
        rdn = "CN" if self.is_ad else "uid"
        self.change(f"dn: {self.dn(name)}\nchangetype: modrdn\nnewrdn: {rdn}={new}\ndeleteoldrdn: 1\n\n")

    def move(self, name: str, *, back: bool = False) -> None:
        """To another container below the base, on Active Directory one without rights; or back."""
        rdn, _comma, home = self.dn(name).partition(",")
        elsewhere = f"CN=Computers,{samba.DOMAIN}" if self.is_ad else slapd.SUFFIX
        here, there = (elsewhere, home) if back else (home, elsewhere)
        lines = f"newrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {there}\n\n"
        self.change(f"dn: {rdn},{here}\nchangetype: modrdn\n{lines}")


def of_slapd(server: Slapd) -> Directory:
    options = {
        "url": f"ldaps://{slapd.HOST}:{server.tls_port}",
        "ca_file": server.certificate,
        "bind_dn": slapd.PUBLISHER,
        "base": slapd.SUFFIX,
        "match": "mail",
        "flavour": "generic",
        "page_size": 5,
        "timeout": 5,
    }
    return Directory(server, options, slapd.PASSWORD, "userCertificate;binary")


PUBLISHER = f"CN=publisher,CN=Users,{samba.DOMAIN}"
# MS-ADTS 5.1.3.2: write property, of this attribute alone, inherited by users below.
USER_CERTIFICATE, USERS = "bf967a7f-0de6-11d0-a285-00aa003049e2", "bf967aba-0de6-11d0-a285-00aa003049e2"


def of_samba(server: Samba, sid: str) -> Directory:
    """With an account that may write userCertificate of users, and nothing else."""
    ace = f"(OA;CIIO;WP;{USER_CERTIFICATE};{USERS};{sid})"
    server.tool("dsacl", "set", f"--objectdn=CN=Users,{samba.DOMAIN}", f"--sddl={ace}")
    options = {
        "url": f"ldaps://{samba.HOST}",
        "ca_file": server.certificate,
        "bind_dn": PUBLISHER,
        "base": samba.DOMAIN,
        "match": "mail",
        "page_size": 50,
        "timeout": 10,
    }
    return Directory(server, options, samba.PASSWORD, "userCertificate")


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Directory]:
    """slapd or samba: p0 to p5, and p90, who is protected."""
    if kind == "slapd":
        entries = "".join(slapd.person(number) for number in range(PERSONS))
        entries += slapd.person(90, more="employeeType: protected\n")
        with slapd.running(folder, entries) as found:
            yield of_slapd(found)
        return
    with samba.running(folder) as domain:
        users = "".join(samba.user(f"p{number}") for number in range(PERSONS))
        elsewhere = samba.user("p90").replace("CN=Users", "CN=Computers")  # no right is inherited there
        domain.ldb("ldbadd", users + samba.user("publisher") + elsewhere)
        domain.tool("user", "setpassword", "publisher", f"--newpassword={samba.PASSWORD}")
        yield of_samba(domain, domain.sid_of("publisher"))
