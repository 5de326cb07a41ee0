"""The options of a connection to the PKI engine of HashiCorp Vault or OpenBao."""

import re
from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file

_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, kw_only=True)
class VaultOptions(HttpOptions):
    """OPTIONS of a connection to Vault or OpenBao. Raises ValueError, naming the option.

    mount, namespace: mount path and namespace of the PKI engine.
    verbatim: whether the CSR is signed unchanged (sign-verbatim), or the role determines the content. In both
    cases the certificate profile's name at the CA is the role.
    token_file: a token; or role_id and secret_id_file: AppRole, at auth_mount.
    """

    mount: str = "pki"
    namespace: str = ""
    verbatim: bool = True
    token_file: str = ""
    role_id: str = ""
    secret_id_file: str = ""
    auth_mount: str = "approle"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mount", "auth_mount", "namespace"):
            given = getattr(self, name)
            if given and not _PATH.fullmatch(given):
                raise ValueError(f"{name} must be a path of letters, digits, dots, dashes and slashes.")
        if bool(self.role_id) != bool(self.secret_id_file):
            raise ValueError("role_id and secret_id_file go together.")
        if bool(self.token_file) == bool(self.role_id):
            raise ValueError("Give either token_file, or role_id and secret_id_file.")
        check_file("token_file", self.token_file, needed=False)
        check_file("secret_id_file", self.secret_id_file, needed=False)
