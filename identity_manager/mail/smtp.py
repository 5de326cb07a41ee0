"""The mail server's TLS certificate must come from whom every outgoing call trusts."""

import ssl
from functools import cached_property

from django.core.mail.backends.smtp import EmailBackend as DjangoBackend

from ca_bridge import outgoing


class EmailBackend(DjangoBackend):
    """Django's, with TRUSTED_CA_FILE. SMTP does not go through the proxy of HTTPS."""

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return outgoing.context()
