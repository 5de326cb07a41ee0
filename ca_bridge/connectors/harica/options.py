"""The options of a connection to HARICA's CertManager."""

import re
from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file

_ORGANISATION = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class HaricaOptions(HttpOptions):
    """OPTIONS of a connection to HARICA's CertManager. Raises ValueError, naming the option.

    url: https://cm.harica.gr, or the staging system.
    api_key_file: an API key of an Enterprise Admin or an Enterprise Approver for S/MIME.
    organization_id: the organisation for which certificates are ordered, as check_ca lists it.
    """

    api_key_file: str
    organization_id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://"):
            raise ValueError("url must be https: it is told the API key.")
        if not _ORGANISATION.fullmatch(self.organization_id):
            raise ValueError("organization_id must be at most 64 letters, digits and dashes.")
        check_file("api_key_file", self.api_key_file)
