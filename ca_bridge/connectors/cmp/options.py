"""The options of a connection by the Certificate Management Protocol (RFC 9810)."""

from dataclasses import dataclass
from pathlib import Path

from ca_bridge.connection.http import HttpOptions, check_file, check_seconds

COMMANDS = ("p10cr", "ir", "cr")


@dataclass(frozen=True, kw_only=True)
class CmpOptions(HttpOptions):
    """Raises ValueError, with a sentence that names the option.

    path: where enrolments go; {profile} in it stands for the certificate profile's name at the CA.
    management_path: where revocations and tests go; needed where path has {profile}.
    profile_in_header: whether the profile's name at the CA goes into the message (RFC 9480, certProfile).
    command: how is asked: p10cr hands the request on; ir and cr ask by a template, raVerified.
    reference, secret_file: a shared secret protects requests and answers; or, by signatures:
    signer_certificate_file (with its issuers behind it), signer_key_file, signer_key_passphrase_file: ours;
    responder_file: the one certificate whose signatures count on answers.
    mac: the algorithm with a shared secret.  longest_wait: seconds between two questions, at most.
    program: OpenSSL, of which `openssl cmp` writes and checks the messages.
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
