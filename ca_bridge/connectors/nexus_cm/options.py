"""The options of a connection to Nexus Certificate Manager."""

from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file


@dataclass(frozen=True, kw_only=True)
class NexusCmOptions(HttpOptions):
    """OPTIONS of a connection to Nexus Certificate Manager. Raises ValueError, naming the option.

    url: up to, and without, /certificates: https://host:8444/pgwy/api, with the instance where there is one.
    client_certificate_file, client_key_file: of the CM officer who calls; required.
    signer_certificate_file, signer_key_file, signer_key_passphrase_file: of the officer who signs requests;
    empty: the same one.
    """

    signer_certificate_file: str = ""
    signer_key_file: str = ""
    signer_key_passphrase_file: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://"):
            raise ValueError("url must be https: an officer signs in by a TLS client certificate.")
        if not self.client_certificate_file:
            raise ValueError("Give client_certificate_file and client_key_file: an officer's.")
        if bool(self.signer_certificate_file) != bool(self.signer_key_file):
            raise ValueError("signer_certificate_file and signer_key_file go together.")
        for name in ("signer_certificate_file", "signer_key_file", "signer_key_passphrase_file"):
            check_file(name, getattr(self, name), needed=False)

    @property
    def signer(self) -> tuple[str, str, str]:
        """The files of the officer who signs: certificate, key, and the key's pass phrase or none."""
        if self.signer_certificate_file:
            return self.signer_certificate_file, self.signer_key_file, self.signer_key_passphrase_file
        return self.client_certificate_file, self.client_key_file, self.client_key_passphrase_file
