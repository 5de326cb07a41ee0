"""Reads the connections to certificate authorities, the embedded one among them."""

from pathlib import Path
from typing import Any

from identity_manager.config import env

EMBEDDED_CONNECTOR = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
ALIAS = "corporate"


def connections(
    var_dir: Path, secrets_dir: Path, *, pki_base_url: str, embedded: bool
) -> dict[str, dict[str, Any]]:
    """Return CA_CONNECTORS, by alias. embedded: whether the default has an embedded CA."""
    found = {}
    if env.boolean("EMBEDDED_CA", default=embedded):
        found[ALIAS] = {
            "CONNECTOR": EMBEDDED_CONNECTOR,
            "OPTIONS": _embedded_options(var_dir, secrets_dir, f"{pki_base_url}/pki", embedded=embedded),
        }
    return found | env.json_object("CA_CONNECTORS", {})


def _embedded_options(
    var_dir: Path, secrets_dir: Path, publication_url: str, *, embedded: bool
) -> dict[str, Any]:
    return {
        "name": ALIAS,
        "directory": str(var_dir / "ca" / ALIAS),
        "publication_url": publication_url,
        "passphrase_file": env.text("CA_PASSPHRASE_FILE", f"{secrets_dir}/ca-corporate-passphrase"),
        "ocsp_passphrase_file": env.text(
            "CA_OCSP_PASSPHRASE_FILE", f"{secrets_dir}/ca-corporate-ocsp-passphrase"
        ),
        "root_key_file": env.text(
            "CA_ROOT_KEY_FILE", "" if embedded else str(var_dir / "ca-root" / f"{ALIAS}.key")
        ),
        "organisation": env.text("CA_ORGANISATION", "Example Corporation"),
        "ocsp": env.boolean("CA_OCSP", default=True),
        "hsm_module": env.text("CA_HSM_MODULE", ""),
        "hsm_token": env.text("CA_HSM_TOKEN", ""),
        "hsm_pin_file": env.text("CA_HSM_PIN_FILE", ""),
    }
