"""A real CFSSL, set up as docs/how-to/connect-cfssl.md says."""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connectors.cfssl import wire
from ca_bridge.connectors.cfssl.connector import CfsslConnector
from ca_bridge.contract import CertificateContent
from tests.ca_bridge.connectors.issuers import HERE, TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, server
from tests.tools.running import free_port, listens

CLOSED = "newcert,newkey,init_ca,certadd,scan,scaninfo,bundle,gencrl,sign,/"
# What CFSSL's own migrations for SQLite make.
TABLES = """
CREATE TABLE certificates (
  serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, ca_label blob, status blob NOT NULL,
  reason int, expiry timestamp, revoked_at timestamp, pem blob NOT NULL, issued_at timestamp,
  not_before timestamp, metadata text, sans text, common_name text,
  PRIMARY KEY (serial_number, authority_key_identifier));
CREATE TABLE ocsp_responses (
  serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, body blob NOT NULL, expiry timestamp,
  PRIMARY KEY (serial_number, authority_key_identifier),
  FOREIGN KEY (serial_number, authority_key_identifier)
  REFERENCES certificates (serial_number, authority_key_identifier));
"""
PROFILE = {"auth_key": "identity-manager", "usages": ["digital signature"], "expiry": "8760h"}
PERSON = PROFILE | {"copy_extensions": True, "ClientProvidesSerialNumbers": True}


def arranged(content: CertificateContent) -> CertificateContent:
    """The content with its subject in the order in which CFSSL writes it."""
    return replace(content, subject=wire.as_written(content.subject))


@contextmanager
def cfssl(
    folder: Path,
    *options: str,
    profiles: Mapping[str, Any] | None = None,
    database: bool = True,
    subordinate: bool = False,
    closed: str = CLOSED,
) -> Iterator[Neighbour]:
    """The server over TLS, and a connector's options for it. profiles: changes of the configuration."""
    ca, port = TestCa("Test CFSSL CA", folder), free_port()
    identity = ca.identity("localhost", of=HERE)
    chain, ca_key = ca.identity("issuing", ca=True) if subordinate else (ca.path, f"{folder}/ca.key")
    key = ca.file("auth-key", secrets.token_hex(16) + "\n")
    nobody = ca.file("nobody", secrets.token_hex(16))
    keys = {"identity-manager": key, "nobody": nobody}
    ca.file("config.json", json.dumps(_configuration(keys, profiles or {})))
    command = ["cfssl", "serve", "-address", "127.0.0.1", "-port", str(port), "-config", "config.json"]
    command += [
        "-ca",
        _first_of(ca, chain),
        "-ca-key",
        ca_key,
        "-tls-cert",
        identity[0],
        "-tls-key",
        identity[1],
    ]
    command += ["-disable", closed] if closed else []
    if database:
        command += ["-db-config", _database(ca)]
    with server([*command, *options], folder=folder, up=lambda: listens(port)):
        yield Neighbour(
            CfsslConnector,
            {
                "url": f"https://localhost:{port}",
                "chain_file": chain,
                "ca_file": ca.path,
                "auth_key_file": key,
                "profiles": ["person"],
            },
            {"auth_key_file": ca.file("wrong", secrets.token_hex(16))},
            identity=identity,
            arranged=arranged,
        )


def _first_of(ca: TestCa, chain: str) -> str:
    """CFSSL wants the issuing CA's certificate by itself."""
    issuing = x509.load_pem_x509_certificates(Path(chain).read_bytes())[0]
    return ca.file("signs.pem", issuing.public_bytes(Encoding.PEM))


def _configuration(keys: Mapping[str, str], profiles: Mapping[str, Any]) -> dict[str, Any]:
    named = {"default": PROFILE | {"auth_key": "nobody"}, "person": PERSON, **profiles}
    default = named.pop("default")
    return {
        "signing": {"default": default, "profiles": named},
        "auth_keys": {name: {"type": "standard", "key": f"file:{file}"} for name, file in keys.items()},
    }


def _database(ca: TestCa) -> str:
    file = ca.file("certificates.sqlite", "")
    with closing(sqlite3.connect(file)) as made:
        made.executescript(TABLES)
    return ca.file("db.json", json.dumps({"driver": "sqlite3", "data_source": file}))
