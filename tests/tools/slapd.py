"""An OpenLDAP server of its own (slapd): persons and groups of a test, TLS, a limit of sizes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.tls_certificates import certified
from tests.tools import running as programs
from tests.tools.running import HOST, free_port, listens

SUFFIX = "dc=example,dc=test"
ADMIN, PASSWORD = f"cn=admin,{SUFFIX}", "secret-of-slapd"
UNNAMED = "127.0.0.2"  # where it listens too, and its certificate does not say so
CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/trusted.pem
TLSCertificateFile {server}
TLSCertificateKeyFile {server}
TLSProtocolMin 3.3
security simple_bind=128
sizelimit 500
database mdb
maxsize 8589934592
suffix {suffix}
rootdn {admin}
rootpw {password}
directory {folder}/db
dbnosync
index objectClass,entryCSN,entryUUID,modifyTimestamp,uid,mail eq
limits dn.exact="cn=sync,{suffix}" size.soft=20 size.hard=20 size.pr=20 size.prtotal=unlimited
limits dn.exact="cn=publisher,{suffix}" size.prtotal=unlimited
limits dn.exact="cn=limited,{suffix}" size.soft=3 size.hard=3 size.prtotal=3
access to attrs=userCertificate filter=(!(employeeType=protected))
  by dn.exact="cn=publisher,{suffix}" write by * read
access to * by * read
"""
TREE = f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,{SUFFIX}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
ou: groups
"""
ACCOUNT = f"""
dn: cn={{name}},{SUFFIX}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: {{name}}
userPassword: {PASSWORD}
"""
ACCOUNTS = "".join(ACCOUNT.format(name=name) for name in ("sync", "publisher", "limited"))
PUBLISHER = f"cn=publisher,{SUFFIX}"


@dataclass(frozen=True)
class Slapd:
    """A server that runs. certificate: the file that a client trusts."""

    port: int
    tls_port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def stop(self) -> None:
        """End it in the middle of a test."""
        self.process.kill()
        self.process.wait(10)

    @property
    def certificate(self) -> str:
        return str(self.folder / "trusted.pem")

    def modify(self, ldif: str) -> None:
        """Change the directory, as its administrator."""
        command = ["ldapmodify", "-x", "-H", f"ldaps://{HOST}:{self.tls_port}", "-D", ADMIN, "-w", PASSWORD]
        environment = {"LDAPTLS_CACERT": self.certificate, "PATH": "/usr/bin:/bin"}
        subprocess.run(command, input=ldif, text=True, check=True, capture_output=True, env=environment)


def person(number: int, *, more: str = "", manager: int | None = None) -> str:
    """LDIF of a person."""
    boss = f"manager: uid=p{manager},ou=people,{SUFFIX}\n" if manager is not None else ""
    return (
        f"dn: uid=p{number},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: p{number}\n"
        f"cn: Pia Falk{number}\ngivenName: Pia\nsn: Falk{number}\nemployeeNumber: L{number}\n"
        f"mail: p{number}@example.com\ndepartmentNumber: Research\n{boss}{more}\n"
    )


def group(name: str, *members: str) -> str:
    """LDIF of a group; members by their distinguished names below the suffix."""
    lines = "".join(f"member: {each},{SUFFIX}\n" for each in members)
    return f"dn: cn={name},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {name}\n{lines}\n"


@contextmanager
def running(folder: Path, ldif: str) -> Iterator[Slapd]:
    """Start it with these entries; end it with the test."""
    (folder / "db").mkdir()
    server, port, tls_port = certified(folder, HOST), free_port(), free_port()
    configuration = CONFIGURATION.format(
        folder=folder, server=server, suffix=SUFFIX, admin=ADMIN, password=PASSWORD
    )
    (folder / "slapd.conf").write_text(configuration, encoding="utf-8")
    (folder / "data.ldif").write_text(f"{TREE}{ACCOUNTS}\n{ldif}", encoding="utf-8")
    load = ["/usr/sbin/slapadd", "-q", "-f", folder / "slapd.conf", "-b", SUFFIX, "-l", folder / "data.ldif"]
    subprocess.run([str(each) for each in load], check=True, capture_output=True)
    addresses = f"ldap://{HOST}:{port}/ ldaps://{HOST}:{tls_port}/ ldaps://{UNNAMED}:{tls_port}/"
    command = ["/usr/sbin/slapd", "-f", str(folder / "slapd.conf"), "-h", addresses, "-d", "0"]
    with programs.running(command, up=lambda: listens(tls_port), within=20) as process:
        yield Slapd(port, tls_port, folder, process)
