"""The world of the addresses, for as long as a module of tests looks at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from identity_manager.people.sign_in import saml_provider, sso_provider
from tests.architecture.url_world import World
from tests.tools.x509 import issued


def a_certificate() -> bytes:
    """PEM; its key signs nothing here."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    return issued(name, key.public_key(), (name, key), since=0, until=1).public_bytes(Encoding.PEM)


CERTIFICATES = "http://testserver"  # where certificates are asked for; here no host of its own
# Nobody answers there, which the page says.
PROVIDER = sso_provider.parse(
    "corp",
    {
        "name": "Example login",
        "server_url": "http://127.0.0.1:9",
        "client_id": "identity-manager",
        "claim": "sub",
        "field": "upn",
    },
    secret="",
    roles=frozenset(),
)
SAML_PROVIDER = saml_provider.parse(
    "saml",
    {
        "name": "Example SAML",
        "entity_id": "http://127.0.0.1:9/metadata",
        "sso_url": "http://127.0.0.1:9/sso",
        "certificates": "idp.pem",
        "claim": "sub",
        "field": "upn",
    },
    read=lambda _path: a_certificate(),
    roles=frozenset(),
)


@contextmanager
def standing(blocker: Any, mailbox: Path) -> Iterator[World]:
    """Built once, inside a transaction that is taken back in the end."""
    with pytest.MonkeyPatch.context() as patch, blocker.unblock(), taken_back():
        patch.setattr("django.conf.settings.MAILBOX_DIR", mailbox)
        patch.setattr("django.conf.settings.SSO_PROVIDERS", {"corp": PROVIDER})
        patch.setattr("django.conf.settings.SAML_PROVIDERS", {"saml": SAML_PROVIDER})
        patch.setattr("django.conf.settings.CERTIFICATE_BASE_URL", CERTIFICATES)
        # Most visitors are refused, and each refusal would be written with the stack that led to it.
        patch.setattr("django.utils.log.request_logger.disabled", True)
        yield World()


@contextmanager
def taken_back() -> Iterator[None]:
    """A transaction that is rolled back in the end; as those of tests, it may hold durable ones."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)
