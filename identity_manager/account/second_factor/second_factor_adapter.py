"""allauth MFA adapter: secrets wrapped by the vault, relying party id for our host names."""

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext_lazy as _

from identity_manager.people.sign_in import second_factors
from identity_manager.queries import looks
from identity_manager.vault.wrapping import VaultError


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's MFA adapter with the decisions of this product."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is not right, or it was used already."),
    }

    def encrypt(self, text: str) -> str:  # noqa: ARG002 allauth's signature
        """Refuses: allauth does not say whose secret it is; our verbs wrap for the account."""
        raise VaultError("A second factor is set up by people.second_factors alone.")

    def decrypt(self, encrypted_text: str) -> str:
        return second_factors.unwrap(encrypted_text)

    def get_totp_issuer(self) -> str:
        return looks.in_force().officers_name

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        return user.get_username()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """WebAuthn relying party: the common domain of both portals if there is one, else this host."""
        host: str = context.request.get_host().partition(":")[0]
        return {"id": settings.PASSKEY_DOMAIN or host, "name": looks.in_force().officers_name}

    def _get_user_identifier(self, user: AbstractBaseUser) -> str:
        """The name that a password manager shows beside the passkey."""
        return user.get_username()
