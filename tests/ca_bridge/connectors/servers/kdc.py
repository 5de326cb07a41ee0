"""A real KDC (MIT Kerberos) on this machine alone: a realm, its accounts and keytabs, in a folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.ca_bridge.connectors.neighbours import server
from tests.tools.running import free_port, listens

REALM = "EXAMPLE.TEST"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "krb5-config", "gcc")
CLIENTS = """\
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
{more}
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
"""
SERVER = """\
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principals
    key_stash_file = {folder}/stash
  }}
[logging]
  kdc = FILE:{folder}/kdc.log
"""


class Kdc:
    """The database of a realm; it is asked by whoever has `environment`, while the block of up() lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "kdc.conf").write_text(SERVER.format(folder=folder, port=self.port, realm=REALM))
        self.environment = {"KRB5_CONFIG": self.configuration(), "KRB5_KDC_PROFILE": f"{folder}/kdc.conf"}
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "a password of the tests")

    def configuration(self, more: str = "") -> str:
        """What krb5.conf says to the clients of this realm."""
        file = self.folder / f"krb5-{len(list(self.folder.glob('krb5-*')))}.conf"
        file.write_text(CLIENTS.format(realm=REALM, port=self.port, more=more))
        return str(file)

    def account(self, name: str) -> str:
        """A new account; returns its keytab."""
        self.ask("addprinc", "-randkey", "+requires_preauth", name)
        return self.keytab(name)

    def keytab(self, name: str) -> str:
        """The account's key of now, in a file of its own."""
        file = self.folder / f"{len(list(self.folder.glob('*.keytab')))}.keytab"
        self.ask("ktadd", "-norandkey", "-k", str(file), name)
        return str(file)

    def ask(self, *words: str) -> None:
        """What an administrator says to kadmin."""
        self._run("kadmin.local", "-r", REALM, *words)

    def tickets(self) -> int:
        """How often accounts have signed in."""
        lines = (self.folder / "kdc.log").read_text().splitlines()
        return sum("AS_REQ" in line and "ISSUE" in line for line in lines)

    @contextmanager
    def up(self, *before: str) -> Iterator[None]:
        """before: the words of a program that runs it."""
        command = [*before, _program("krb5kdc"), "-n", "-P", f"{self.folder}/pid"]
        with server(command, folder=self.folder, up=lambda: listens(self.port), env=self.environment):
            yield

    def _run(self, program: str, *arguments: str) -> None:
        environment: Mapping[str, str] = {**os.environ, **self.environment}
        subprocess.run([_program(program), *arguments], env=environment, capture_output=True, check=True)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, name  # the tests are marked
    return found
