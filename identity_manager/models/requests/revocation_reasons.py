"""The reasons of revocation that people choose from (RFC 5280 5.3.1)."""

from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.models.words import Vocabulary

REVOCATION_REASONS = Vocabulary(
    "reasons of revocation",
    [
        (RevocationReason.UNSPECIFIED.value, _("no particular reason")),
        (RevocationReason.KEY_COMPROMISE.value, _("key lost, stolen or seen by others")),
        (RevocationReason.AFFILIATION_CHANGED.value, _("name, e-mail or organisation changed")),
        (RevocationReason.SUPERSEDED.value, _("replaced by a newer one")),
        (RevocationReason.CESSATION_OF_OPERATION.value, _("no longer needed")),
        (RevocationReason.PRIVILEGE_WITHDRAWN.value, _("right to use it withdrawn")),
    ],
)
