"""altSecurityIdentities of Active Directory as a target: explicit mapping of certificates to accounts.

Whoever can write this attribute of an account can sign in as its owner. So accounts that Active Directory
protects (adminCount, AdminSDHolder) are refused here, even if our account could write them. Values are added
and removed one by one, as those of userCertificate.
"""

from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509
from django.utils.translation import gettext as _

from ca_bridge.x509 import strong_mapping
from identity_manager.ldap_connection import Found
from identity_manager.targets.alt_security_identities.options import KEY_IDENTIFIER, SignInOptions
from identity_manager.targets.configuration import TargetConfiguration
from identity_manager.targets.contract import Item, Refused
from identity_manager.targets.ldap.connector import LdapTarget

PROTECTED = "adminCount"


class SignInTarget(LdapTarget):
    """One value for each certificate that the person signs in with."""

    OLDER = ""

    def __init__(self, configuration: TargetConfiguration) -> None:
        options: SignInOptions = configuration.options
        super().__init__(replace(configuration, options=options.ldap))
        self._form = options.form

    def value_of(self, item: Item) -> bytes:
        """The mapping of the certificate. Raises Refused where it has none."""
        certificate = x509.load_der_x509_certificate(item.certificate)
        if self._form == KEY_IDENTIFIER:
            value = strong_mapping.by_key_identifier(certificate)
        else:
            value = strong_mapping.by_issuer_and_serial(certificate)
        if not value:
            raise Refused(_("The certificate has no key identifier to be mapped by."))
        return value.encode()

    def _read(self) -> Sequence[str]:
        return (*super()._read(), PROTECTED)

    def _admit(self, entry: Found) -> None:
        if entry.text(PROTECTED) not in ("", "0"):
            raise Refused(_("The directory protects this account: nobody's sign-in is written there."))

    def _holds(self, values: Sequence[bytes], value: bytes) -> bool:
        """Whether the value is present. Windows compares case-insensitively, so this does, too."""
        return value.lower() in {each.lower() for each in values}
