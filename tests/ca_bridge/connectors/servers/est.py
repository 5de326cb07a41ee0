"""A real EST server: libest's, which signs with `openssl ca`."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.est.connector import EstConnector
from tests.ca_bridge.connectors.issuers import HERE, TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, server
from tests.tools.running import free_port, listens

USER, PASSWORD = "estuser", "estpwd"  # fixed in the server
DAYS = 300  # how long its certificates are valid; a request cannot say
CONFIGURATION = f"""
[ca]
default_ca = here
[here]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
serial = serial
email_in_dn = no
default_md = sha256
default_days = {DAYS}
policy = any
preserve = yes
unique_subject = no
copy_extensions = copy
x509_extensions = extensions
[any]
commonName = optional
givenName = optional
surname = optional
serialNumber = optional
organizationName = optional
countryName = optional
[extensions]
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@contextmanager
def est(folder: Path, *options: str) -> Iterator[Neighbour]:
    """The server with Basic authentication, and a connector's options for it."""
    ca, port = TestCa("Test EST CA", folder), free_port()
    certificate, key = ca.identity("localhost", of=HERE)
    ca.file("ca.cnf", CONFIGURATION)
    ca.file("index.txt", "")
    ca.file("serial", "01" + secrets.token_hex(15))
    ca.file("index.txt.attr", "unique_subject = no\n")
    env = {"EST_TRUSTED_CERTS": "ca.pem", "EST_CACERTS_RESP": "ca.pem", "EST_OPENSSL_CACONFIG": "ca.cnf"}
    command = ["estserver", "-p", str(port), "-c", certificate, "-k", key, "-r", "estrealm", "-b", "-v"]
    with server([*command, *options], folder=folder, up=lambda: listens(port), env=env):
        yield Neighbour(
            EstConnector,
            {
                "url": f"https://localhost:{port}",
                "chain_file": ca.path,
                "ca_file": ca.path,
                "user": USER,
                "password_file": ca.file("password", PASSWORD),
            },
            {"password_file": ca.file("wrong", "wrong")},
            unknown_profile=False,
            health_signs_in=False,
            identity=(certificate, key),
        )
