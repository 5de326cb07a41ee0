"""Two hosts are set up at the same moment, with one database: one certificate authority comes of it."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import authority, creation_claim
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import Crl
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.errors import CaError
from tests.identity_manager.management.test_run import ROOT, environment, make_secrets
from tests.tools import migrated

pytestmark = [pytest.mark.xdist_group("one CA"), pytest.mark.long]  # the database is made once
HOSTS = ("host-1", "host-2")
MAKE = (sys.executable, "manage.py", "init_embedded_ca")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Path:
    """Secrets and a database as all migrations leave it, and no CA yet."""
    var = tmp_path_factory.mktemp("prepared") / "var"
    make_secrets(var)
    migrated.copied_to(var / "data" / "db.sqlite3")
    return var


@pytest.fixture
def var(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "var"))


def host(name: str, var: Path) -> dict[str, str]:
    """One of several on the database and the secrets in var, whose CA lies in a directory of its own."""
    options = {
        "name": "corporate",
        "directory": str(var.parent / name / "corporate"),
        "publication_url": "http://pki.example.com/pki",
        "passphrase_file": str(var / "secrets" / "ca-corporate-passphrase"),
        "organisation": "Example Corporation",
    }
    connector = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    connectors = {"corporate": {"CONNECTOR": connector, "OPTIONS": options}}
    return environment(var, 1) | {"CA_CONNECTORS": json.dumps(connectors)}


def made_at_once(hosts: list[dict[str, str]]) -> list[tuple[int, str]]:
    """The command on each of the hosts: how it ended, and what it said."""
    running = [
        subprocess.Popen(
            MAKE, env=each, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for each in hosts
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    return [(process.returncode, words) for process, words in zip(running, said, strict=True)]


@pytest.mark.nightly
def test_two_hosts_of_their_own_directories_make_one(var: Path) -> None:
    ended = made_at_once([host(name, var) for name in HOSTS])

    assert sorted(code for code, _words in ended) == [0, 1], ended
    [loser] = [words for code, words in ended if code]
    assert "The database knows this certificate authority already" in loser
    assert len(list(var.parent.glob("host-*/corporate/issuing.crt"))) == 1
    assert list(var.parent.glob("host-*/.*")) == []


@pytest.mark.nightly
def test_two_processes_of_one_directory_make_one_and_both_have_it(var: Path) -> None:
    ended = made_at_once([host(HOSTS[0], var)] * 2)

    assert [code for code, _words in ended] == [0, 0], ended
    assert sorted("made" in words for _code, words in ended) == [False, True]
    [issuing] = var.parent.glob("host-*/corporate/issuing.crt")
    [serial] = {words.rpartition(" until ")[2] for _code, words in ended}
    assert serial.startswith(
        str(x509.load_der_x509_certificate(issuing.read_bytes()).not_valid_after_utc)[:10]
    )


@pytest.fixture
def options(tmp_path: Path) -> EmbeddedOptions:
    """Of a CA that is not there yet."""
    known = registry.connector("corporate")
    assert isinstance(known, EmbeddedConnector)
    return replace(known.options, name="new", directory=str(tmp_path / "ours" / "new"))


@pytest.mark.database
@pytest.mark.django_db
def test_who_comes_second_has_nothing(tmp_path: Path, options: EmbeddedOptions) -> None:
    """The other host is first while our keys are being made."""
    theirs = EmbeddedConnector(replace(options, directory=str(tmp_path / "theirs" / "new")))

    made = []

    def fill(directory: Path, of: EmbeddedOptions) -> None:
        if not made:
            made.append(True)
            assert theirs.initialise()
        fill_as_ever(directory, of)

    fill_as_ever = authority._fill
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authority, "_fill", fill)
        with pytest.raises(CaError, match="knows this certificate authority already"):
            EmbeddedConnector(options).initialise()

    assert not authority.is_made(options)
    assert Crl.objects.filter(ca="new").count() == 1


@pytest.mark.django_db
def test_a_directory_that_comes_while_we_look_is_no_second_one(
    options: EmbeddedOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process makes it here, between our two looks at it."""
    is_in_use = creation_claim._is_in_use

    def look(name: str) -> bool:
        if not authority.is_made(options):
            authority.initialise(options)
            Crl.objects.create(ca=name, issuer=authority.ISSUING)
        return is_in_use(name)

    monkeypatch.setattr(creation_claim, "_is_in_use", look)
    assert EmbeddedConnector(options).initialise() is False
