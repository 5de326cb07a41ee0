"""SMTP backend that trusts the same CAs as every other outgoing call (TRUSTED_CA_FILE)."""

import ssl
from functools import cached_property

from django.core.mail.backends.smtp import EmailBackend as DjangoBackend

from ca_bridge import outgoing


class EmailBackend(DjangoBackend):
    """Django's SMTP backend with TRUSTED_CA_FILE. The HTTPS proxy is not used for SMTP."""

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return outgoing.context()
