"""The options of a connection to Microsoft AD CS by its web enrolment pages."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ca_bridge.connection.http import SignInOptions, check_file, check_seconds

_KEYTAB = b"\x05"  # what a keytab of MIT Kerberos begins with, as ktpass and ktutil write them


@dataclass(frozen=True, kw_only=True)
class AdcsOptions(SignInOptions):
    """OPTIONS of a connection to Microsoft AD CS (web enrolment pages). Raises ValueError, naming the option.

    url: up to, and with, /certsrv; always https, for the password or the client certificate.
    user: DOMAIN\\user.
    principal, keytab_file: Kerberos, by the account user@REALM, with the extra `kerberos`.
    service: the pages' SPN, HTTP/host or HTTP/host@REALM; empty: HTTP/ and the host of url.
    poll_after: seconds between polls of a request that waits for a CA manager.
    """

    WAYS: ClassVar[str] = f"principal and keytab_file, or {SignInOptions.WAYS}"
    principal: str = ""
    keytab_file: str = ""
    service: str = ""
    poll_after: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seconds("poll_after", self.poll_after, 5, 86400)
        self._check_kerberos()

    @property
    def signs_in(self) -> bool:
        return super().signs_in or bool(self.principal)

    def _check_kerberos(self) -> None:
        if bool(self.principal) != bool(self.keytab_file):
            raise ValueError("principal and keytab_file go together.")
        if self.service and not self.principal:
            raise ValueError("service is for Kerberos: give principal and keytab_file.")
        if self.principal:
            self._check_account()

    def _check_account(self) -> None:
        if self.user:
            raise ValueError("Give user and password_file, or principal and keytab_file, not both.")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", self.principal):
            raise ValueError("principal must be user@REALM.")
        if not re.fullmatch(r"(HTTP/[^@/\s]+(@[^@/\s]+)?)?", self.service):
            raise ValueError("service must be HTTP/host or HTTP/host@REALM.")
        check_file("keytab_file", self.keytab_file)
        if Path(self.keytab_file).read_bytes()[:1] != _KEYTAB:
            raise ValueError(f"keytab_file: {self.keytab_file} is no keytab.")
        try:
            import gssapi  # noqa: F401 - the extra "kerberos" is not installed everywhere
        except ImportError as error:
            raise ValueError(f"principal needs the package gssapi, for Kerberos: {error}.") from error
