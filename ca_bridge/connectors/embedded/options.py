"""The options of the embedded CA, as they stand in CA_CONNECTORS[alias]["OPTIONS"]."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions:
    """Raises ValueError, with a sentence that names the option.

    name: stands in the names of published files and in the register.
    directory: holds the encrypted keys and the CA certificates.
    publication_url: where clients fetch CRLs and CA certificates; without a slash at the end.
    passphrase_file: the passphrase of the keys, in a file that only this user may read.
    organisation: the organizationName in the CA's own subject, at most 64 characters.
    """

    name: str
    directory: str
    publication_url: str
    passphrase_file: str
    organisation: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){0,39}", self.name):
            raise ValueError("name must be of lower-case letters, digits and single hyphens, at most 40.")
        if not Path(self.directory).is_absolute():
            raise ValueError("directory must be an absolute path.")
        url = urlsplit(self.publication_url)
        if url.scheme not in {"http", "https"} or not url.hostname or self.publication_url.endswith("/"):
            raise ValueError("publication_url must be an http URL without a slash at its end.")
        if not 1 <= len(self.organisation.strip()) <= 64:
            raise ValueError("organisation must have 1 to 64 characters.")

    def url(self, file_name: str) -> str:
        """Return the URL of a published file."""
        return f"{self.publication_url}/{file_name}"
