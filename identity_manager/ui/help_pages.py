"""Context help: maps URL names of the portals to pages of the help, one table per portal.

A key is a prefix of URL names; the longest match counts. Officers get a document of docs/, persons a section
of the help page of Self-Service. EXCEPTED lists URLs without help, with the reason.
tests/architecture/test_help_pages.py checks that each page of the URL table is in one of them, and that each
document and section exists.
"""

from collections.abc import Collection, Mapping

from identity_manager.models import Role

FIRST, FIRST_SECTION = "index", "token"  # defaults of a page in no table
OFFICERS: Mapping[str, str] = {
    "console:start": "how-to/enable-and-follow",
    "console:first-set-up": "how-to/first-set-up",
    "console:report": "how-to/reports",
    "console:saved-report": "how-to/reports",
    "console:configuration": "how-to/configuration-files",
    "console:help": "index",
    "console:document": "index",
    "console:search": "how-to/enable-and-follow",
    "console:saved-search": "how-to/enable-and-follow",
    "console:person": "how-to/registration-officer",
    "console:person-create": "how-to/registration-officer",
    "console:person-data": "how-to/access-request",
    "console:person-erase": "how-to/erase-a-person",
    "console:person-recover": "how-to/recover-keys",
    "console:person-replace": "how-to/lost-laptop",
    "console:person-revoke-all": "how-to/lost-laptop",
    "console:person-role": "how-to/user-administrator",
    "console:person-deput": "how-to/user-administrator",
    "console:person-who-may": "how-to/user-administrator",
    "console:person-directory": "how-to/directory",
    "console:enable": "how-to/enable-and-follow",
    "console:sign-in": "how-to/registration-officer",
    "console:identity-change": "how-to/registration-officer",
    "console:import": "how-to/import-persons",
    "console:token-import": "how-to/import-tokens",
    "console:migration": "how-to/migrate-from-nexus",
    "console:recover": "how-to/recover-keys",
    "console:recovery-certificate": "how-to/key-archive",
    "console:recovery-drill": "how-to/key-archive",
    "console:archive": "how-to/key-archive",
    "console:standing-order": "how-to/standing-orders",
    "console:group": "how-to/standing-orders",
    "console:batch-order": "how-to/batch-orders",
    "console:approvals": "how-to/approve-requests",
    "console:decisions": "how-to/approve-requests",
    "console:renewals": "how-to/renew",
    "console:terms": "how-to/terms",
    "console:not-arrived": "how-to/mail",
    "console:mail": "how-to/mail",
    "console:mail-text": "how-to/mail-texts",
    "console:outbox": "how-to/mail",
    "console:not-installed": "how-to/installed",
    "console:holder-change": "how-to/renew",
    "console:process": "explanation/road-of-a-token",
    "console:request": "how-to/enable-and-follow",
    "console:request-approve": "how-to/approve-requests",
    "console:request-decide": "how-to/approve-requests",
    "console:request-postpone": "how-to/approve-requests",
    "console:request-reject": "how-to/approve-requests",
    "console:certificate": "how-to/revoke-a-token",
    "console:certificate-test": "how-to/client-certificate",
    "console:revoke": "how-to/revoke-a-token",
    "console:surplus": "how-to/revoke-a-token",
    "console:found": "how-to/backup",
    "console:token": "how-to/revoke-a-token",
    "console:token-type": "how-to/token-types",
    "console:profile": "how-to/token-types",
    "console:admin": "how-to/system-administrator",
    "console:looks": "how-to/looks",
    "console:authorities": "how-to/connect-a-ca",
    "console:jobs": "how-to/operate",
    "console:target": "how-to/publication",
    "console:director": "how-to/directory",
    "console:scim": "how-to/scim",
    "console:other-systems": "how-to/webhooks",
    "console:webhook": "how-to/webhooks",
    "console:siem": "how-to/siem",
    "console:api": "how-to/api",
    "console:officers": "how-to/user-administrator",
    "console:recertification": "how-to/user-administrator",
    "console:role-review": "how-to/user-administrator",
    "console:approver-group": "how-to/approve-requests",
    "console:history": "how-to/audit-log",
    "account": "how-to/first-sign-in",
    "keys": "how-to/first-sign-in",
    "second-factor": "how-to/first-sign-in",
    "passkey": "how-to/first-sign-in",
    "recovery-codes": "how-to/first-sign-in",
    "sign-in-way": "how-to/first-sign-in",
}
# START and OPEN TASKS are of every role. Of several roles the first one counts.
OF_EVERY_ROLE = ("console:start", "console:approvals")
ROLES: Mapping[str, str] = {
    Role.APPROVER: "how-to/approve-requests",
    Role.TOKEN_ADMINISTRATOR: "how-to/enable-and-follow",
    Role.REGISTRATION_OFFICER: "how-to/registration-officer",
    Role.RECOVERY_OFFICER: "how-to/recover-keys",
    Role.SYSTEM_ADMINISTRATOR: "how-to/system-administrator",
    Role.USER_ADMINISTRATOR: "how-to/user-administrator",
    Role.AUDITOR: "how-to/auditor",
}
PERSONS: Mapping[str, str] = {
    "selfservice:dashboard": "token",
    "selfservice:help": "token",
    "selfservice:open-tasks": "token",
    "selfservice:request": "token",
    "selfservice:withdraw": "token",
    "selfservice:ask-again": "token",
    "selfservice:terms": "token",
    "selfservice:decline": "token",
    "selfservice:progress": "token",
    "selfservice:certificates": "token",
    "selfservice:token": "install",
    "selfservice:files": "install",
    "selfservice:installed": "install",
    "selfservice:not-installed": "install",
    "selfservice:new-device": "install",
    "selfservice:file-help": "install",
    "selfservice:arrived": "install",
    "selfservice:not-arrived": "install",
    "selfservice:passphrase": "passphrase",
    "selfservice:forgotten-passphrase": "passphrase",
    "selfservice:renew": "renew",
    "selfservice:not-needed": "renew",
    "selfservice:lock": "lost",
    "selfservice:revoke-all": "lost",
    "selfservice:replace": "lost",
    "selfservice:recover": "lost",
    "account": "sign-in",
    "keys": "sign-in",
    "second-factor": "sign-in",
    "passkey": "sign-in",
    "recovery-codes": "sign-in",
    "sign-in-way": "sign-in",
}
EXCEPTED: Mapping[str, str] = {
    "a part of another page": "console:batch-order-progress selfservice:progress-lines",
    "a file": (
        "console:process-file console:document-image console:looks-version-logo console:history-public-key"
        " console:import-report selfservice:terms-text selfservice:terms-again-text selfservice:chain"
        " selfservice:certificate-file looks- favicon pki: saml-metadata mailbox:attachment"
    ),
    "the mail itself, in a frame": "console:mail-html console:mail-text-html mailbox:html",
    "nobody is signed in yet, or any more": (
        "account_ mfa_ signed-out break-glass first_sign_in certificate openid_connect_callback saml- sso"
    ),
    "for programs": "health- metrics scim: api: set_language",
    "of the embedded mode alone": "mailbox: ui:",
}


def page_of(table: Mapping[str, str], view_name: str) -> str:
    """The page of the help for a URL name; empty if there is none."""
    found = [key for key in table if view_name.startswith(key)]
    return table[max(found, key=len)] if found else ""


def document_of(view_name: str, roles: Collection[str]) -> str:
    """The document for a URL name of the officers' portal and the reader's roles."""
    if view_name in OF_EVERY_ROLE:
        return next((document for role, document in ROLES.items() if role in roles), FIRST)
    return page_of(OFFICERS, view_name) or FIRST
