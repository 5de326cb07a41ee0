"""A certificate authority for the tests, made once; profiles and orders to ask of it."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import authority
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.contract import CertificateContent, KeyAlgorithm
from ca_bridge.issuing import Validity, draft, journal_order
from ca_bridge.keys import keys
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.models import CaOrder

EMBEDDED = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
CLIENT_AUTH, EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"
SID = "S-1-5-21-1004336348-1177238915-682003330-1234"


@pytest.fixture(scope="session")
def ca_options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The options of an embedded CA that has been initialised."""
    directory: Path = tmp_path_factory.mktemp("ca")
    (directory / "passphrase").write_text("a passphrase for the tests", encoding="utf-8")
    options = {
        "name": "corporate",
        "directory": str(directory / "corporate"),
        "publication_url": "http://pki.example.com/pki",
        "passphrase_file": str(directory / "passphrase"),
        "organisation": "Example Corporation",
    }
    authority.initialise(EmbeddedOptions(**options))
    return options


@pytest.fixture
def configured_ca(settings: Any, ca_options: dict[str, str]) -> EmbeddedConnector:
    """The connector behind the alias corporate."""
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": EMBEDDED, "OPTIONS": ca_options}}
    connector = registry.connector("corporate")
    assert isinstance(connector, EmbeddedConnector)
    return connector


@pytest.fixture
def embedded_ca(configured_ca: EmbeddedConnector, db: None) -> EmbeddedConnector:
    """The connector, with a database that is rolled back."""
    return configured_ca


@pytest.fixture
def content() -> CertificateContent:
    """What a certificate of the S/MIME and sign-in kind says: every extension that there is."""
    return CertificateContent(
        subject=(
            ("commonName", "Jürgen Müller-Groß"),
            ("givenName", "Jürgen"),
            ("surname", "Müller-Groß"),
            ("serialNumber", "P-000042"),
            ("organizationName", "Example Corporation"),
        ),
        subject_alt_names=(("email", "Juergen.Mueller@example.com"), ("upn", "jmueller@corp.example.com")),
        key_usage=("digitalSignature", "keyAgreement"),
        extended_key_usage=(CLIENT_AUTH, EMAIL_PROTECTION),
        policies=("1.3.6.1.4.1.99999.1.1",),
        sid=SID,
    )


@pytest.fixture
def key() -> PrivateKey:
    """A key nobody else has; on a curve, because that takes no time."""
    return keys.generate(KeyAlgorithm.EC_P256)


@pytest.fixture(scope="session")
def key_of() -> Callable[[KeyAlgorithm], PrivateKey]:
    """A key of each kind, the same for whoever asks: those of RSA take up to a second."""
    return cache(keys.generate)


@pytest.fixture
def validity() -> Validity:
    """A year from now."""
    now = timezone.now()
    return Validity(now, now + timedelta(days=365))


@pytest.fixture
def prepared(content: CertificateContent, validity: Validity) -> Callable[..., CaOrder]:
    """Prepare an order; each call another key and another idempotency key, unless they are given."""

    def make(**changes: Any) -> CaOrder:
        wanted = {
            "ca": "corporate",
            "idempotency_key": str(uuid4()),
            "content": content,
            "ca_profile": "person",
            "validity": validity,
        } | changes
        wanted.setdefault("key", keys.generate(KeyAlgorithm.EC_P256))
        return journal_order(draft(**wanted))

    return make
