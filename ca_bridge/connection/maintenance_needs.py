"""Sentences about due CA maintenance, for pages and commands."""

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract_operation import DueMaintenance, MaintenanceNeed

WORDS: dict[MaintenanceNeed, Promise] = {
    MaintenanceNeed.ROLL_OVER: _(
        "No certificate holds longer than the issuing CA, until %(until)s: manage.py roll_issuing_ca."
    ),
    MaintenanceNeed.ROOT_CRL: _(
        "The root's CRL holds until %(until)s, and the root's key is not here: manage.py sign_root_crl."
    ),
    MaintenanceNeed.ROOT_CRL_MISSING: _(
        "The root's CRL is missing, and the root's key is not here: manage.py sign_root_crl."
    ),
    MaintenanceNeed.ROOT_KEY_HERE: _(
        "The root's key lies in this installation: take it out of the house, manage.py sign_root_crl."
    ),
    MaintenanceNeed.OCSP_SIGNERS: _(
        "The OCSP signers are under the passphrase of the CA, which web processes need for it: give them one "
        "of their own."
    ),
}


def in_words(concern: DueMaintenance) -> str:
    """The sentence in the active language."""
    until = date_format(concern.until) if concern.until else ""
    return str(WORDS[concern.need]) % {"until": until}
