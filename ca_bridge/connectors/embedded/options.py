"""The options of the embedded CA, as they stand in CA_CONNECTORS[alias]["OPTIONS"]."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions:
    """OPTIONS of the embedded CA. Raises ValueError, with a sentence that names the option.

    name: of the CA, in published file names and in the register.
    directory: holds the encrypted keys and the CA certificates.
    publication_url: base URL of CRLs and CA certificates for clients; without a trailing slash.
    passphrase_file: the passphrase of the keys, in a file that only this user may read; empty for a process
    that signs nothing, such as a web process: it opens no key, and reads the database, not the directory.
    ocsp_passphrase_file: that of the keys of OCSP signers, which a web process uses; where there is no such
    file, they are under passphrase_file.
    root_key_file: path for the key of a new root, to be stored offline; empty: in `directory`.
    organisation: the organizationName in the CA's own subject, at most 64 characters.
    ocsp: whether new certificates name the OCSP responder at publication_url/ocsp; it answers in any case.
    hsm_module, hsm_token, hsm_pin_file: a PKCS#11 module (its path), the label of a token, and the file with
    its user's PIN: keys are made and used there. All three or none.
    hsm_key: prefix of the keys' labels in the token; empty: the name of the CA.
    """

    name: str
    directory: str
    publication_url: str
    passphrase_file: str
    organisation: str
    ocsp: bool = True
    ocsp_passphrase_file: str = ""
    root_key_file: str = ""
    hsm_module: str = ""
    hsm_token: str = ""
    hsm_pin_file: str = ""
    hsm_key: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){0,39}", self.name):
            raise ValueError("name must be of lower-case letters, digits and single hyphens, at most 40.")
        if not Path(self.directory).is_absolute():
            raise ValueError("directory must be an absolute path.")
        url = urlsplit(self.publication_url)
        if url.scheme not in {"http", "https"} or not url.hostname or self.publication_url.endswith("/"):
            raise ValueError("publication_url must be an http URL without a slash at its end.")
        self._check_hsm()
        if not isinstance(self.ocsp, bool):
            raise ValueError("ocsp must be true or false.")  # noqa: TRY004 the contract of all options
        if not 1 <= len(self.organisation.strip()) <= 64:
            raise ValueError("organisation must have 1 to 64 characters.")

    @property
    def signs(self) -> bool:
        """Whether this process may use the CA's keys."""
        return bool(self.passphrase_file)

    def _check_hsm(self) -> None:
        given = [bool(each) for each in (self.hsm_module, self.hsm_token, self.hsm_pin_file)]
        if any(given) != all(given):
            raise ValueError("hsm_module, hsm_token and hsm_pin_file belong together.")
        if self.hsm_module and not Path(self.hsm_module).is_absolute():
            raise ValueError("hsm_module must be an absolute path.")

    def key_label(self, issuer: str) -> str:
        """Return the label of an issuer's key in the HSM."""
        return f"{self.hsm_key or self.name}-{issuer}"

    def url(self, file_name: str) -> str:
        """Return the URL of a published file."""
        return f"{self.publication_url}/{file_name}"
