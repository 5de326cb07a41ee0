"""Rings of key-encryption keys from the environment, and connections to key service and HSM."""

from pathlib import Path

from identity_manager.config import env
from identity_manager.vault.hsm_key import HsmOptions
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.transit_key import KeyService


def rings(secrets: Path) -> dict[str, KeyRing]:
    """One ring of key-encryption keys for each purpose."""
    return {
        "private-keys": env.key_ring("KEYS_PRIVATE_KEYS", secrets / "kek-private-keys"),
        "passphrases": env.key_ring("KEYS_PASSPHRASES", secrets / "kek-passphrases"),
        "other": env.key_ring("KEYS_OTHER", secrets / "kek-other"),
        "archive": env.key_ring("KEYS_ARCHIVE", secrets / "kek-archive", optional=True),
        "recovery-keys": env.key_ring("KEYS_RECOVERY", secrets / "kek-recovery-keys", optional=True),
        "share-transport": env.key_ring(
            "KEYS_SHARE_TRANSPORT", secrets / "kek-share-transport", optional=True
        ),
    }


def key_service() -> KeyService:
    """OpenBao or Vault."""
    return KeyService(
        url=env.service_url("KEY_SERVICE_URL", ""),
        token_file=env.text("KEY_SERVICE_TOKEN_FILE", ""),
        mount=env.text("KEY_SERVICE_MOUNT", "transit"),
        ca_file=env.certificates("KEY_SERVICE_CA_FILE", ""),
    )


def hsm() -> HsmOptions:
    """A PKCS#11 token."""
    return HsmOptions(
        module=env.text("KEYS_HSM_MODULE", ""),
        token=env.text("KEYS_HSM_TOKEN", ""),
        pin_file=env.text("KEYS_HSM_PIN_FILE", ""),
    )
