"""The options of a connection to step-ca."""

from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file


@dataclass(frozen=True, kw_only=True)
class StepCaOptions(HttpOptions):
    """Raises ValueError, with a sentence that names the option.

    provisioner: whose tokens revoke, and are tried at a test. Orders have the one that their certificate
    profile names at the CA.
    key_file, key_passphrase_file: PEM, the private key that signs tokens.
    key_id: what the provisioners call it; empty: its thumbprint (RFC 7638), as `step` does.
    certificate_file: PEM, the key's certificate with its issuers behind it: the provisioners are X5C.
    audience: the CA's address as the CA itself knows it, where it differs from url.
    """

    provisioner: str
    key_file: str
    key_passphrase_file: str = ""
    key_id: str = ""
    certificate_file: str = ""
    audience: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://"):
            raise ValueError("url must be https: step-ca has no other way.")
        if not self.provisioner:
            raise ValueError("Give provisioner.")
        if self.audience and (not self.audience.startswith("https://") or self.audience.endswith("/")):
            raise ValueError("audience must be an https URL without a slash at its end.")
        if self.key_id and self.certificate_file:
            raise ValueError("Give either key_id, or certificate_file: an X5C provisioner has no key id.")
        check_file("key_file", self.key_file)
        check_file("key_passphrase_file", self.key_passphrase_file, needed=False)
        check_file("certificate_file", self.certificate_file, needed=False)
