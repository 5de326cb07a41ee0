"""What a database holds since release 1.0 opens: the layout of a wrapped secret, written out here."""

import base64
import uuid

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from identity_manager.vault import wrapping
from identity_manager.vault.wrapping import Purpose

RECORD, OWNER = uuid.UUID(int=7), uuid.UUID(int=11)
DATA_KEY, FIRST, SECOND = b"d" * 32, b"1" * 12, b"2" * 12


@pytest.mark.parametrize("owner", [OWNER, None])
@pytest.mark.parametrize("purpose", [Purpose.PRIVATE_KEYS, Purpose.PASSPHRASES, Purpose.OTHER])
def test_a_secret_of_an_earlier_release_opens(purpose: Purpose, owner: uuid.UUID | None) -> None:
    """owner None: release 1.0 bound none."""
    (version, encoded), *_later = settings.VAULT_KEYS[purpose].items()
    bound = purpose.value.encode() + b"|" + RECORD.bytes + (b"|" + OWNER.bytes if owner else b"")
    kept = bytes([len(version)]) + version.encode()
    kept += FIRST + AESGCM(base64.b64decode(encoded)).encrypt(FIRST, DATA_KEY, bound)
    kept += SECOND + AESGCM(DATA_KEY).encrypt(SECOND, b"the secret", bound)

    opened = wrapping.unwrap(kept, purpose=purpose, record=RECORD, owner=OWNER, or_unbound=owner is None)

    assert opened == b"the secret"
    assert wrapping.version_of(kept) == version
