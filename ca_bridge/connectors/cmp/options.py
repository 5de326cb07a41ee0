"""The options of a connection by the Certificate Management Protocol (RFC 9810)."""

from dataclasses import dataclass
from pathlib import Path

from ca_bridge.connection.http import HttpOptions, check_file, check_seconds

COMMANDS = ("p10cr", "ir", "cr")


@dataclass(frozen=True, kw_only=True)
class CmpOptions(HttpOptions):
    """OPTIONS of a connection to a CA that speaks CMP (RFC 9810). Raises ValueError, naming the option.

    path: URL path of enrolments; {profile} in it stands for the certificate profile's name at the CA.
    management_path: URL path of revocations and health checks; needed if path has {profile}.
    profile_in_header: whether the profile's name at the CA goes into the header (RFC 9480, certProfile).
    command: message type: p10cr forwards the CSR; ir and cr send a certificate template with raVerified.
    reference, secret_file: MAC protection of requests and answers by a shared secret; or, by signatures:
    signer_certificate_file (followed by its issuers), signer_key_file, signer_key_passphrase_file: ours;
    responder_file: the only certificate whose signature on answers is accepted.
    mac: the MAC algorithm with a shared secret.  longest_wait: maximum seconds between polls.
    program: path of OpenSSL, whose `openssl cmp` builds and verifies the messages.
    """

    path: str = "/.well-known/cmp"
    management_path: str = ""
    profile_in_header: bool = False
    command: str = "p10cr"
    reference: str = ""
    secret_file: str = ""
    signer_certificate_file: str = ""
    signer_key_file: str = ""
    signer_key_passphrase_file: str = ""
    responder_file: str = ""
    mac: str = "hmacWithSHA256"
    longest_wait: int = 900
    program: str = "/usr/bin/openssl"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path.startswith("/") or self.management_path[:1] not in {"", "/"}:
            raise ValueError("path and management_path must begin with a slash.")
        if "{profile}" in self.path and not self.management_path:
            raise ValueError("Give management_path, where path has {profile}.")
        if self.command not in COMMANDS:
            raise ValueError(f"command must be one of {', '.join(COMMANDS)}.")
        check_seconds("longest_wait", self.longest_wait, 5, 86400)
        self._check_protection()
        if not Path(self.program).is_absolute() or not Path(self.program).is_file():
            raise ValueError(f"program: there is no {self.program}.")

    def _check_protection(self) -> None:
        if bool(self.reference) != bool(self.secret_file):
            raise ValueError("reference and secret_file go together.")
        signs = {bool(self.signer_certificate_file), bool(self.signer_key_file), bool(self.responder_file)}
        if len(signs) > 1:
            raise ValueError("signer_certificate_file, signer_key_file and responder_file go together.")
        if signs == {bool(self.reference)}:
            raise ValueError("Give either reference and secret_file, or signer_certificate_file and so on.")
        for name in (
            "secret_file",
            "signer_certificate_file",
            "signer_key_file",
            "signer_key_passphrase_file",
            "responder_file",
        ):
            check_file(name, getattr(self, name), needed=False)
