"""A real OpenBao, from its wheel: the PKI engine of HashiCorp Vault."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ca_bridge.connectors.vault.connector import VaultConnector
from tests.ca_bridge.connectors.issuers import file_in
from tests.ca_bridge.connectors.neighbours import Neighbour, server
from tests.tools.running import free_port

BAO = Path(sys.executable).with_name("bao")
# What an officer's token may: sign by two roles, revoke, read certificates.
POLICY = """
path "pki/sign-verbatim/person" { capabilities = ["update"] }
path "pki/sign-verbatim/no-such-profile" { capabilities = ["update"] }
path "pki/sign/ruled" { capabilities = ["update"] }
path "pki/revoke" { capabilities = ["update"] }
path "pki/cert/*" { capabilities = ["read"] }
path "pki/certs" { capabilities = ["list"] }
path "pki/roles" { capabilities = ["list"] }
"""


class Bao:
    """The administrator of the server."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder, self.token = port, folder, "root"
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: Any = None, *, method: str = "") -> Any:
        answer = requests.request(
            method or ("GET" if body is None else "POST"),
            f"{self.url}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": self.token},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def is_up(self) -> bool:
        try:
            return bool(self.ask("sys/health")["initialized"])
        except OSError:
            return False

    def file(self, name: str, content: str) -> str:
        return file_in(self.folder, name, content)


@contextmanager
def openbao(folder: Path) -> Iterator[tuple[Bao, Neighbour]]:
    """The server, set up as docs/how-to/connect-vault.md says, and a connector's options for it."""
    bao = Bao(free_port(), folder)
    command = [str(BAO), "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"]
    with server([*command, f"-dev-listen-address=127.0.0.1:{bao.port}"], folder=folder, up=bao.is_up):
        yield bao, _set_up(bao)


def _set_up(bao: Bao) -> Neighbour:
    bao.ask("sys/mounts/pki", {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
    root = {"common_name": "Test Root", "ttl": "87600h", "key_type": "rsa", "key_bits": 3072}
    certificate = bao.ask("pki/root/generate/internal", root)["data"]["certificate"]
    role = {"allow_any_name": True, "enforce_hostnames": False, "key_type": "any", "max_ttl": "43800h"}
    bao.ask("pki/roles/person", role)
    usage = {"key_usage": ["DigitalSignature", "KeyAgreement"]}
    usage |= {"client_flag": True, "email_protection_flag": True, "server_flag": False}
    names = {"allowed_other_sans": ["1.3.6.1.4.1.311.20.2.3;utf8:*"], "allowed_uri_sans": ["*"]}
    bao.ask("pki/roles/ruled", role | usage | names)
    bao.ask("sys/policies/acl/officer", {"policy": POLICY})
    bao.ask("sys/auth/approle", {"type": "approle"})
    bao.ask(
        "auth/approle/role/officer",
        {"token_policies": ["officer"], "token_ttl": "30s", "token_max_ttl": "1h"},
    )
    role_id = bao.ask("auth/approle/role/officer/role-id")["data"]["role_id"]
    secret_id = bao.ask("auth/approle/role/officer/secret-id", {})["data"]["secret_id"]
    return Neighbour(
        VaultConnector,
        {
            "url": bao.url,
            "chain_file": bao.file("chain.pem", certificate),
            "role_id": role_id,
            "secret_id_file": bao.file("secret-id", secret_id),
        },
        {"secret_id_file": bao.file("wrong", "00000000-0000-0000-0000-000000000000")},
    )
