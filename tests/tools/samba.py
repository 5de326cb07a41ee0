"""A domain controller of its own (Samba AD DC). Needs root, and an address of its own in 127/8."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from tests.interop.tls_certificates import certified
from tests.tools import running as programs

HOST = str(IPv4Address("127.16.0.0") + os.getpid() % 2**22)  # each process its own: the ports are given
DOMAIN = "DC=ad,DC=example,DC=test"
PASSWORD = "Passw0rd!x"  # of a domain that lives for a test
PROVISION = [
    *("samba-tool", "domain", "provision", "--server-role=dc", "--use-rfc2307"),
    *("--realm=AD.EXAMPLE.TEST", "--domain=EXAMPLE", "--host-name=dc1", "--host-ip=127.0.0.1"),
    *(f"--adminpass={PASSWORD}", "--dns-backend=NONE", "--option=interfaces=lo"),
    *("--option=bind interfaces only=yes", "--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb"),
]
CONFIGURATION = """\
[global]
netbios name = DC1
realm = AD.EXAMPLE.TEST
workgroup = EXAMPLE
server role = active directory domain controller
server services = ldap, kdc, winbindd
interfaces = {host}/8
bind interfaces only = yes
dcerpc endpoint servers = none
tls enabled = yes
tls keyfile = {server}
tls certfile = {server}
tls cafile = {folder}/trusted.pem
ldap server require strong auth = yes
state directory = {folder}/state
private dir = {folder}/private
lock directory = {folder}/state
cache directory = {folder}/cache
pid directory = {folder}/run
ncalrpc dir = {folder}/ncalrpc
binddns dir = {folder}/bind-dns
ntp signd socket directory = {folder}/ntp
winbindd socket directory = {folder}/winbindd
log file = {folder}/log.samba
"""


@dataclass(frozen=True)
class Samba:
    """A domain controller that runs."""

    folder: Path

    @property
    def certificate(self) -> str:
        return str(self.folder / "trusted.pem")

    @property
    def database(self) -> str:
        return str(self.folder / "private" / "sam.ldb")

    def ldb(self, program: str, ldif: str) -> None:
        """ldbadd or ldbmodify, beside the server; it takes everything, also while the server runs."""
        command = [program, "-H", self.database]
        subprocess.run(command, input=ldif, text=True, check=True, capture_output=True)

    def tool(self, *words: str) -> None:
        """samba-tool, on the files of this domain."""
        more = ["-s", str(self.folder / "etc" / "smb.conf"), "-H", f"tdb://{self.database}"]
        subprocess.run(["samba-tool", *words, *more], check=True, capture_output=True)

    def sid_of(self, name: str) -> str:
        """The security identifier of an account, as text."""
        command = ["ldbsearch", "-H", self.database, f"(sAMAccountName={name})", "objectSid"]
        found = subprocess.run(command, text=True, check=True, capture_output=True).stdout
        return next(line.split()[1] for line in found.splitlines() if line.startswith("objectSid:"))


def is_possible() -> bool:
    """Whether this user may bind the ports of a domain controller."""
    return os.geteuid() == 0 and shutil.which("samba") is not None


def user(name: str, *, control: int = 544, more: str = "") -> str:
    """LDIF of a person; control: userAccountControl."""
    return (
        f"dn: CN={name},CN=Users,{DOMAIN}\nobjectClass: user\nsAMAccountName: {name}\n"
        f"userPrincipalName: {name}@ad.example.test\ngivenName: {name.capitalize()}\nsn: Falk\n"
        f"employeeID: A-{name}\nmail: {name}@example.com\nuserAccountControl: {control}\n{more}\n"
    )


def group(name: str, *members: str) -> str:
    """LDIF of a group with these persons or groups of CN=Users."""
    lines = "".join(f"member: CN={each},CN=Users,{DOMAIN}\n" for each in members)
    return f"dn: CN={name},CN=Users,{DOMAIN}\nobjectClass: group\nsAMAccountName: {name}\n{lines}\n"


@contextmanager
def running(folder: Path) -> Iterator[Samba]:
    """Provision a domain, start it, and end it with the test."""
    subprocess.run([*PROVISION, f"--targetdir={folder}"], check=True, capture_output=True)
    server = certified(folder, HOST)
    server.chmod(0o600)  # else Samba does not take the key
    configuration = CONFIGURATION.format(folder=folder, host=HOST, server=server)
    (folder / "etc" / "smb.conf").write_text(configuration, encoding="utf-8")
    for name in ("run", "cache", "ncalrpc", "ntp", "winbindd"):
        (folder / name).mkdir(exist_ok=True)
    command = ["samba", "-s", str(folder / "etc" / "smb.conf"), "-M", "single", "-F", "--no-process-group"]
    with programs.running(command, up=lambda: programs.listens(636, HOST), within=20, end_within=20):
        yield Samba(folder)
