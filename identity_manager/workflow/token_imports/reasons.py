"""Reasons for leaving certificates or files out of an import: codes on the rows, sentences for people."""

from django.utils.translation import gettext_lazy as _

from ca_bridge.pkcs12 import foreign
from ca_bridge.x509 import certificate_files
from identity_manager.models.words import Vocabulary
from identity_manager.transactions.refusals import Reason

NOBODY = Reason("import-nobody", _("No person has an e-mail, UPN, SID or number that the certificate names."))
SEVERAL_PERSONS = Reason(
    "import-several-persons", _("The certificate names several persons, or a name that several have had.")
)
PERSON_LOCKED = Reason("import-person-locked", _("Its person is Locked for good."))
PERSON_NOT_ACTIVE = Reason(
    "import-person-not-active", _("Its person is not Active: import it when they are.")
)
NO_TYPE = Reason("import-no-type", _("None of the token types has a certificate profile for its purpose."))
CA_CERTIFICATE = Reason("import-ca-certificate", _("This is the certificate of a CA."))
MALFORMED = Reason("import-malformed", _("The certificate cannot be read."))
KNOWN_OF_OTHER = Reason("import-known-of-other", _("The certificate is known here, as another person's."))
KEY_OF_OTHER = Reason("import-key-of-other", _("The key is archived already, as another person's."))
SERIAL_TAKEN = Reason(
    "import-serial-taken", _("Another certificate of the same issuer and number is known here.")
)
NO_PASSWORD = Reason("import-no-password", _("The file of passwords does not name this file."))
KEY_WITHOUT_CERTIFICATE = Reason(
    "import-key-without-certificate", _("A key in the file matches no certificate in it.")
)
OF_AN_OFFICER = Reason(
    "import-of-an-officer",
    _("Its person asked for the import or confirmed it. Two other officers bring it in, by another import."),
)
KEY_IS_BLOCKED = Reason(
    "import-key-is-blocked", _("Its key was revoked as compromised, so nothing is imported for it.")
)
MATCHING_CHANGED = Reason(
    "import-matching-changed", _("The person has changed since the officers looked: look through it anew.")
)

# What stands on the row of a certificate or file; empty where nothing is wrong with it.
ROWS = Vocabulary(
    "rows of token imports",
    {
        **certificate_files.FAULTS,
        **foreign.FAULTS,
        **{
            each.code: each.sentence
            for each in (
                *(NOBODY, SEVERAL_PERSONS, PERSON_LOCKED, PERSON_NOT_ACTIVE, NO_TYPE, CA_CERTIFICATE),
                *(MALFORMED, KNOWN_OF_OTHER, KEY_OF_OTHER, SERIAL_TAKEN, NO_PASSWORD),
                *(KEY_WITHOUT_CERTIFICATE, OF_AN_OFFICER, MATCHING_CHANGED, KEY_IS_BLOCKED),
            )
        },
    },
    unknown="",
)
