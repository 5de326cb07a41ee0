"""The options of a connection to step-ca."""

from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file


@dataclass(frozen=True, kw_only=True)
class StepCaOptions(HttpOptions):
    """OPTIONS of a connection to step-ca. Raises ValueError, naming the option.

    provisioner: for revocations and health checks. An order uses the one that its certificate profile names.
    key_file, key_passphrase_file: PEM, the private key that signs tokens.
    key_id: the key's id at the provisioners; empty: its thumbprint (RFC 7638), as `step` does.
    certificate_file: PEM, the key's certificate followed by its issuers, for X5C provisioners.
    audience: the CA's own URL, if it differs from url.
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
