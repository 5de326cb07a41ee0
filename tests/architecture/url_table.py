"""Every address of the product and who may do what with it: one line for each, or for some that are alike.

A new address needs a line here, else test_url_table.py fails. A line reads: the address; who may open it
(GET); who may post to it; which object it is about (tests/architecture/url_world.py has them); for whom it
does not exist. Everybody else who is signed in is refused. Who is not, or is not Active any more, is sent to
the sign-in page, but for what is PUBLIC. A role limited to another unit does not find objects of this one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.urls import URLPattern, URLResolver, get_resolver

from identity_manager.models import Role


class Visitor(StrEnum):
    """Who comes: each role alone, the owner of the objects, and those who hold nothing."""

    OWNER = "owner"  # a Self-Service User; every object is theirs
    USER = "user"  # another Self-Service User
    ADMINISTRATOR = Role.TOKEN_ADMINISTRATOR
    APPROVER = Role.APPROVER
    REGISTRATION = Role.REGISTRATION_OFFICER
    USERS = Role.USER_ADMINISTRATOR
    RECOVERY = Role.RECOVERY_OFFICER
    AUDITOR = Role.AUDITOR
    SYSTEM = Role.SYSTEM_ADMINISTRATOR
    WITHOUT_ROLE = "without a role"
    ANONYMOUS = "not signed in"
    LEFT = "deactivated, with a session"  # an administrator whose roles nobody has withdrawn yet


V = Visitor
Visitors = frozenset[Visitor]

NOBODY: Visitors = frozenset()
PUBLIC: Visitors = frozenset(V)
SIGNED_IN = PUBLIC - {V.ANONYMOUS, V.LEFT}
OWNER: Visitors = frozenset({V.OWNER})
USERS: Visitors = frozenset({V.OWNER, V.USER})
OFFICERS = SIGNED_IN - USERS - {V.WITHOUT_ROLE}
SEARCHERS = OFFICERS - {V.APPROVER, V.SYSTEM}
REQUEST_READERS: Visitors = frozenset({V.ADMINISTRATOR, V.APPROVER, V.RECOVERY, V.AUDITOR})
FINDERS = SEARCHERS | REQUEST_READERS
ADMINISTRATOR: Visitors = frozenset({V.ADMINISTRATOR})
OTHERS = OFFICERS - ADMINISTRATOR
APPROVER: Visitors = frozenset({V.APPROVER})
AUDITOR: Visitors = frozenset({V.AUDITOR})
REGISTRATION: Visitors = frozenset({V.REGISTRATION})
INSTALLATION: Visitors = frozenset({V.SYSTEM, V.USERS, V.AUDITOR})
OFFICES: Visitors = frozenset({V.USERS, V.AUDITOR})
SYSTEM: Visitors = frozenset({V.SYSTEM})
BATCH_READERS: Visitors = frozenset({V.ADMINISTRATOR, V.AUDITOR})
BATCH_GIVERS: Visitors = frozenset({V.ADMINISTRATOR, V.REGISTRATION})
ARCHIVE_READERS: Visitors = frozenset({V.RECOVERY, V.SYSTEM, V.AUDITOR})
BRINGERS: Visitors = frozenset({V.RECOVERY, V.SYSTEM})
RECOVERY_READERS: Visitors = frozenset({V.ADMINISTRATOR, V.RECOVERY, V.AUDITOR})
RECOVERY: Visitors = frozenset({V.RECOVERY})
CATALOGUE: Visitors = frozenset({V.SYSTEM, V.AUDITOR})
DIRECTORIES: Visitors = frozenset({V.SYSTEM, V.AUDITOR, V.REGISTRATION})
USER_ADMINISTRATOR: Visitors = frozenset({V.USERS})
MAIL_WATCHERS: Visitors = frozenset({V.ADMINISTRATOR, V.AUDITOR, V.SYSTEM})
MAIL_HANDLERS: Visitors = frozenset({V.ADMINISTRATOR, V.SYSTEM})
ROLE_GIVERS: Visitors = frozenset({V.USERS, V.REGISTRATION})


@dataclass(frozen=True)
class Row:
    """One address. name: as `reverse` takes it, or the route of an address without a name."""

    name: str
    opens: Visitors
    posts: Visitors = NOBODY
    of: str = ""
    unknown_to: Visitors = NOBODY

    def __str__(self) -> str:
        return self.name


def own(name: str, *, of: str = "", opens: Visitors = OWNER, posts: Visitors = NOBODY) -> Row:
    """A page about an object of its owner: for other users it is not there."""
    return Row(f"selfservice:{name}", opens, posts, of=of, unknown_to=frozenset({V.USER}))


def forms(who: Visitors, of: str, *names: str, unknown_to: Visitors = NOBODY) -> Iterator[Row]:
    """Pages of Identity Manager about one object, each with a form: who may open it may send it."""
    return (Row(f"console:{name}", who, who, of=of, unknown_to=unknown_to) for name in names)


def posted(who: Visitors, of: str, *names: str) -> Iterator[Row]:
    """Addresses of Identity Manager about one object that are posted to, and are no pages."""
    return (Row(f"console:{name}", NOBODY, who, of=of) for name in names)


def addresses(
    patterns: Sequence[URLPattern | URLResolver] | None = None, prefix: str = "", namespace: str = ""
) -> Iterator[tuple[str, str, URLPattern]]:
    """The name (as in the table), the route and the pattern of each address; by default of all."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern.url_patterns, route, inner)
        else:
            yield f"{namespace}{pattern.name}" if pattern.name else route, route, pattern


TABLE = (
    # --- Identity Manager
    Row("console:start", OFFICERS),
    Row("console:search", SEARCHERS, SEARCHERS),
    Row("console:search-export", NOBODY, FINDERS),
    Row("console:certificates-export", NOBODY, FINDERS),
    Row("console:saved-searches", FINDERS),
    Row("console:search-save", FINDERS, FINDERS),
    *forms(ADMINISTRATOR, "saved search", "saved-search-rename", "saved-search-delete", unknown_to=OTHERS),
    Row("console:person", SEARCHERS, of="person"),
    Row("console:enable", ADMINISTRATOR, ADMINISTRATOR, of="person"),
    Row("console:sign-in-letters", REGISTRATION, REGISTRATION),
    Row("console:sign-in-letters-choose", NOBODY, REGISTRATION),
    Row("console:person-create", REGISTRATION, REGISTRATION),
    *forms(REGISTRATION, "person", "person-edit", "person-activate", "person-deactivate"),
    *forms(ADMINISTRATOR, "person", "person-revoke-all", "person-replace"),
    Row("console:person-lock", REGISTRATION, REGISTRATION, of="person"),
    Row("console:identity-changes", REGISTRATION, REGISTRATION),
    Row("console:identity-change", REGISTRATION, of="identity change"),
    Row("console:identity-change-confirm", NOBODY, REGISTRATION, of="identity change"),
    *forms(REGISTRATION, "identity change", "identity-change-refuse", "identity-change-withdraw"),
    Row("console:sign-in-code-ask", REGISTRATION, REGISTRATION, of="person"),
    Row("console:sign-in-code", REGISTRATION, REGISTRATION, of="asked sign-in code"),
    Row("console:sign-in-code-confirm", NOBODY, REGISTRATION, of="sign-in code"),
    Row("console:sign-in-code-withdraw", REGISTRATION, REGISTRATION, of="sign-in code"),
    Row("console:person-roles", ROLE_GIVERS | {V.AUDITOR}, ROLE_GIVERS, of="person"),
    Row("console:person-role-withdraw", USER_ADMINISTRATOR, USER_ADMINISTRATOR, of="role"),
    Row("console:person-deputies", OFFICES, USER_ADMINISTRATOR, of="person"),
    Row("console:person-deputy-end", USER_ADMINISTRATOR, USER_ADMINISTRATOR, of="deputy"),
    Row("console:import-upload", REGISTRATION, REGISTRATION),
    Row("console:import", REGISTRATION, REGISTRATION, of="import"),
    *posted(REGISTRATION, "import", "import-confirm", "import-identities"),
    *forms(REGISTRATION, "import", "import-reject", "import-withdraw"),
    Row("console:import-report", REGISTRATION, of="import"),
    Row("console:token-imports", ADMINISTRATOR, ADMINISTRATOR),
    Row("console:token-import", ADMINISTRATOR, of="token import"),
    *posted(ADMINISTRATOR, "token import", "token-import-ask", "token-import-confirm"),
    *forms(ADMINISTRATOR, "token import", "token-import-reject", "token-import-withdraw"),
    Row("console:migration", BATCH_READERS),
    Row("console:recovery-certificates", ARCHIVE_READERS, BRINGERS),
    Row("console:recovery-certificate", ARCHIVE_READERS, of="recovery certificate"),
    *posted(RECOVERY, "recovery certificate", "recovery-certificate-confirm", "recovery-certificate-share"),
    *forms(RECOVERY, "recovery certificate", "recovery-certificate-retire", "recovery-drill-begin"),
    *forms(RECOVERY, "recovery drill", "recovery-drill-confirm", "recovery-drill-share"),
    Row("console:archive-export-ask", RECOVERY, RECOVERY),
    *forms(RECOVERY, "archive export", "archive-export-confirm", "archive-export-withdraw"),
    Row("console:person-recover", ADMINISTRATOR, ADMINISTRATOR, of="person"),
    Row("console:recoveries", RECOVERY_READERS),
    Row("console:recovery", RECOVERY_READERS, of="recovery"),
    *forms(RECOVERY, "recovery", "recovery-approve", "recovery-reject", "recovery-share"),
    Row("console:standing-orders", BATCH_READERS),
    Row("console:standing-order-make", ADMINISTRATOR, ADMINISTRATOR),
    Row("console:standing-order", BATCH_READERS, of="standing order"),
    Row("console:standing-order-put-in-force", NOBODY, ADMINISTRATOR, of="standing order"),
    Row("console:standing-order-reject", ADMINISTRATOR, ADMINISTRATOR, of="standing order"),
    *posted(ADMINISTRATOR, "standing order", "standing-order-pause", "standing-order-resume"),
    Row("console:standing-order-ask-again", NOBODY, ADMINISTRATOR, of="standing order"),
    Row("console:standing-order-end", ADMINISTRATOR, ADMINISTRATOR, of="standing order"),
    Row("console:groups", BATCH_READERS | REGISTRATION),
    Row("console:group-make", REGISTRATION, REGISTRATION),
    Row("console:group", BATCH_READERS | REGISTRATION, REGISTRATION, of="group"),
    Row("console:group-remove", REGISTRATION, REGISTRATION, of="group member"),
    Row("console:group-end", REGISTRATION, REGISTRATION, of="group"),
    Row("console:batch-orders", BATCH_READERS | BATCH_GIVERS),
    Row("console:batch-order-kinds", BATCH_GIVERS, BATCH_GIVERS),
    Row("console:batch-order-choose", NOBODY, ADMINISTRATOR),
    Row("console:letters-for-invited", NOBODY, REGISTRATION),
    Row("console:batch-order-new", ADMINISTRATOR, ADMINISTRATOR),
    Row("console:batch-order", BATCH_READERS, of="batch order", unknown_to=REGISTRATION),
    Row("console:batch-order-progress", BATCH_READERS, of="batch order", unknown_to=REGISTRATION),
    Row("console:batch-order-start", NOBODY, ADMINISTRATOR, of="batch order"),
    *forms(ADMINISTRATOR, "batch order", "batch-order-confirm", unknown_to=REGISTRATION),
    *forms(ADMINISTRATOR, "batch order", "batch-order-reject", unknown_to=REGISTRATION),
    *posted(ADMINISTRATOR, "batch order", "batch-order-pause", "batch-order-resume"),
    *forms(ADMINISTRATOR, "batch order", "batch-order-cancel", unknown_to=REGISTRATION),
    Row("console:batch-order-letters", NOBODY, NOBODY, of="batch order"),
    Row("console:batch-order-report", NOBODY, BATCH_READERS, of="batch order"),
    Row("console:approvals", OFFICERS),
    Row("console:renewals", BATCH_READERS),
    Row("console:reports", OFFICERS),
    Row("console:report", FINDERS, of="report"),
    Row("console:report-export", NOBODY, FINDERS, of="report"),
    Row("console:report-save", FINDERS, FINDERS, of="report"),
    Row("console:saved-report", ADMINISTRATOR, of="saved report", unknown_to=OTHERS),
    Row("console:saved-report-mail", ADMINISTRATOR, ADMINISTRATOR, of="saved report", unknown_to=OTHERS),
    Row("console:terms-acceptances", BATCH_READERS),
    Row("console:terms-acceptances-export", NOBODY, BATCH_READERS),
    Row("console:not-arrived", ADMINISTRATOR, ADMINISTRATOR, of="delivery problem"),
    Row("console:not-arrived-open", NOBODY, ADMINISTRATOR, of="delivery problem"),
    Row("console:mail-domains", MAIL_WATCHERS),
    Row("console:not-installed", ADMINISTRATOR, ADMINISTRATOR, of="installation notice"),
    Row("console:holder-change", ADMINISTRATOR, ADMINISTRATOR, of="holder change"),
    Row("console:process", OFFICERS),
    Row("console:process-file", OFFICERS, of="process"),
    Row("console:requests", REQUEST_READERS, REQUEST_READERS),
    Row("console:request", REQUEST_READERS, of="request"),
    Row("console:request-decide", APPROVER, of="request"),
    Row("console:decisions", APPROVER, APPROVER),
    Row("console:decisions-of-order", APPROVER, APPROVER, of="batch order"),
    Row("console:decisions-reject", NOBODY, APPROVER),
    Row("console:decisions-postpone", NOBODY, APPROVER),
    *forms(APPROVER, "request", "request-approve", "request-reject", "request-postpone"),
    *forms(ADMINISTRATOR, "request", "request-cancel", "request-remind", "request-remind-approvers"),
    *forms(ADMINISTRATOR, "request", "request-retry", "request-issue-remaining", "request-revoke-all"),
    Row("console:request-resubmit", NOBODY, ADMINISTRATOR, of="request"),
    Row("console:request-retry-now", ADMINISTRATOR, ADMINISTRATOR, of="request"),
    *forms(ADMINISTRATOR, "certificate", "certificate-ask-again", "certificate-give-up"),
    Row("console:revoke-by-key", ADMINISTRATOR, ADMINISTRATOR),
    Row("console:revoke-key", ADMINISTRATOR, ADMINISTRATOR, of="public key"),
    Row("console:certificate-revoke-key", ADMINISTRATOR, of="certificate"),
    Row("console:certificate-revoked-by-hand", ADMINISTRATOR, ADMINISTRATOR, of="certificate"),
    Row("console:surplus-revoked-by-hand", ADMINISTRATOR, ADMINISTRATOR, of="surplus"),
    *forms(ADMINISTRATOR, "found", "found-adopt", "found-revoke", "found-leave", "found-by-hand"),
    *forms(ADMINISTRATOR, "token", "token-revoke", "token-hold", "token-reinstate", "token-send-again"),
    Row("console:outbox", MAIL_WATCHERS),
    Row("console:mails-retry", MAIL_HANDLERS, MAIL_HANDLERS),
    Row("console:mails-discard", ADMINISTRATOR, ADMINISTRATOR),
    Row("console:mail", MAIL_WATCHERS, of="mail"),
    Row("console:mail-html", MAIL_WATCHERS - SYSTEM, of="mail"),
    Row("console:mail-retry", NOBODY, MAIL_HANDLERS, of="mail"),
    *forms(ADMINISTRATOR, "mail", "mail-came-back", "mail-discard"),
    Row("console:admin", INSTALLATION),
    Row("console:token-types", CATALOGUE),
    Row("console:token-type-new", SYSTEM, SYSTEM),
    Row("console:token-type", CATALOGUE, of="token type"),
    Row("console:token-type-compare", CATALOGUE, of="two token types"),
    Row("console:token-type-new-version", SYSTEM, SYSTEM, of="token type"),
    Row("console:token-type-edit", SYSTEM, SYSTEM, of="type draft"),
    Row("console:token-type-ask", NOBODY, SYSTEM, of="type draft"),
    *forms(SYSTEM, "type draft", "token-type-activate", "token-type-refuse", "token-type-discard"),
    Row("console:token-type-retire", SYSTEM, SYSTEM, of="token type"),
    Row("console:profiles", CATALOGUE),
    Row("console:profile-new", SYSTEM, SYSTEM),
    Row("console:profile", CATALOGUE, of="profile"),
    Row("console:profile-compare", CATALOGUE, of="two profiles"),
    Row("console:profile-new-version", SYSTEM, SYSTEM, of="profile"),
    Row("console:profile-edit", SYSTEM, SYSTEM, of="profile draft"),
    Row("console:profile-ask", NOBODY, SYSTEM, of="profile draft"),
    *forms(SYSTEM, "profile draft", "profile-activate", "profile-refuse", "profile-discard"),
    Row("console:profile-retire", SYSTEM, SYSTEM, of="profile"),
    Row("console:profile-preview", NOBODY, SYSTEM),
    Row("console:terms-documents", CATALOGUE),
    Row("console:terms-new", SYSTEM, SYSTEM),
    Row("console:terms", CATALOGUE, of="terms version"),
    Row("console:terms-document", CATALOGUE, of="terms document"),
    *forms(SYSTEM, "terms document", "terms-rename", "terms-write"),
    Row("console:terms-ask", NOBODY, SYSTEM, of="terms document"),
    *forms(SYSTEM, "terms document", "terms-publish", "terms-refuse", "terms-discard"),
    Row("console:help", OFFICERS),
    Row("console:document", OFFICERS, of="document"),
    Row("console:document-image", OFFICERS, of="image of a document"),
    Row("console:first-set-up", SYSTEM),
    Row("console:looks", CATALOGUE),
    Row("console:looks-version", CATALOGUE, of="looks"),
    Row("console:looks-version-logo", CATALOGUE, of="looks"),
    Row("console:looks-write", SYSTEM, SYSTEM),
    Row("console:looks-ask", NOBODY, SYSTEM),
    Row("console:looks-activate", SYSTEM, SYSTEM),
    Row("console:looks-refuse", SYSTEM, SYSTEM),
    Row("console:looks-discard", SYSTEM, SYSTEM),
    Row("console:looks-ours", SYSTEM, SYSTEM),
    Row("console:mail-texts", CATALOGUE),
    Row("console:mail-text", CATALOGUE, of="mail text"),
    Row("console:mail-text-html", CATALOGUE, of="mail text"),
    Row("console:mail-text-draft-html", CATALOGUE, of="mail text"),
    Row("console:mail-text-version", CATALOGUE, of="mail text version"),
    Row("console:mail-text-write", SYSTEM, SYSTEM, of="mail text"),
    *posted(SYSTEM, "mail text", "mail-text-ask", "mail-text-activate"),
    *forms(SYSTEM, "mail text", "mail-text-refuse", "mail-text-discard"),
    *posted(SYSTEM, "mail text", "mail-text-ours", "mail-text-test"),
    Row("console:authorities", CATALOGUE),
    Row("console:authority-test", NOBODY, SYSTEM, of="authority"),
    Row("console:jobs", CATALOGUE),
    Row("console:job-start", NOBODY, SYSTEM, of="job"),
    Row("console:targets", CATALOGUE),
    Row("console:target", CATALOGUE, of="target"),
    Row("console:target-test", NOBODY, SYSTEM, of="target"),
    Row("console:target-use", SYSTEM, SYSTEM, of="target"),
    Row("console:target-repeat", NOBODY, SYSTEM, of="target"),
    *forms(SYSTEM, "target use", "target-use-confirm", "target-use-refuse", "target-use-end"),
    *posted(SYSTEM, "placement", "placement-repeat", "placement-settle"),
    Row("console:directories", DIRECTORIES),
    Row("console:directory-source", DIRECTORIES, of="directory"),
    Row("console:directory-start", NOBODY, REGISTRATION | SYSTEM, of="directory"),
    Row("console:directory-run", DIRECTORIES, of="directory run"),
    Row("console:directory-run-let-go-on", NOBODY, REGISTRATION, of="directory run"),
    Row("console:directory-run-drop", REGISTRATION, REGISTRATION, of="directory run"),
    Row("console:scim-clients", DIRECTORIES, of="scim source"),
    Row("console:scim-client-make", SYSTEM, SYSTEM, of="scim source"),
    *forms(SYSTEM, "scim client", "scim-client-confirm", "scim-client-revoke"),
    Row("console:other-systems", CATALOGUE),
    Row("console:webhook-make", SYSTEM, SYSTEM),
    Row("console:webhook", CATALOGUE, of="webhook"),
    *forms(SYSTEM, "webhook", "webhook-confirm", "webhook-stop", "webhook-key"),
    Row("console:webhook-test", NOBODY, SYSTEM, of="webhook"),
    Row("console:webhook-replay", SYSTEM, SYSTEM, of="webhook"),
    Row("console:siem-resend", SYSTEM, SYSTEM, of="SIEM"),
    Row("console:configuration", CATALOGUE, SYSTEM),
    Row("console:configuration-export", NOBODY, CATALOGUE),
    Row("console:configuration-import", SYSTEM, SYSTEM),
    Row("console:api-clients", CATALOGUE),
    Row("console:api-client-make", SYSTEM, SYSTEM),
    *forms(SYSTEM, "api client", "api-client-confirm", "api-client-revoke"),
    Row("console:person-directory-link-end", REGISTRATION, REGISTRATION, of="person"),
    Row("console:certificate-test", SYSTEM, SYSTEM),
    Row("console:officers", OFFICES),
    Row("console:officers-export", NOBODY, OFFICES),
    Row("console:person-who-may", OFFICES, of="person"),
    Row("console:recertifications", OFFICES),
    Row("console:recertification-open", USER_ADMINISTRATOR, USER_ADMINISTRATOR),
    Row("console:recertification", OFFICES, USER_ADMINISTRATOR, of="recertification"),
    Row("console:recertification-export", NOBODY, OFFICES, of="recertification"),
    Row("console:recertification-print", OFFICES, of="recertification"),
    Row("console:role-review-withdraw", USER_ADMINISTRATOR, USER_ADMINISTRATOR, of="role review"),
    Row("console:approver-groups", OFFICES, USER_ADMINISTRATOR),
    Row("console:approver-group", OFFICES, USER_ADMINISTRATOR, of="approver group"),
    Row("console:approver-group-delete", USER_ADMINISTRATOR, USER_ADMINISTRATOR, of="approver group"),
    Row("console:approver-group-remove", USER_ADMINISTRATOR, USER_ADMINISTRATOR, of="approver group member"),
    *forms(REGISTRATION, "person", "person-erase", "person-data"),
    *posted(REGISTRATION, "erasure", "erasure-confirm", "erasure-withdraw"),
    Row("console:history", OFFICERS),
    Row("console:history-export", NOBODY, OFFICERS),
    Row("console:history-check", CATALOGUE, CATALOGUE),
    Row("console:history-pack", AUDITOR, AUDITOR),
    Row("console:history-public-key", CATALOGUE),
    *posted(AUDITOR, "request", "request-evidence", "request-evidence-print"),
    Row("console:token-evidence", NOBODY, AUDITOR, of="token"),
    # --- Self-Service
    Row("selfservice:dashboard", USERS),
    Row("selfservice:open-tasks", USERS),
    Row("selfservice:request-softtoken", USERS, USERS),
    Row("selfservice:requests", USERS),
    Row("selfservice:certificates", USERS),
    Row("selfservice:help", USERS),
    Row("selfservice:file-help", USERS),
    own("withdraw", of="own request", posts=OWNER),
    own("remind-approvers", of="own request", opens=NOBODY, posts=OWNER),
    Row("selfservice:recover", USERS, USERS),
    own("recovery-consent", of="recovery", posts=OWNER),
    Row("selfservice:forgotten-passphrase", USERS),
    Row("selfservice:new-device", USERS),
    Row("selfservice:renewals", USERS),
    own("renew", of="due token", posts=OWNER),
    own("not-needed", of="due token", posts=OWNER),
    own("ask-again", of="own request"),
    own("terms", of="own request", posts=OWNER),
    own("terms-text", of="own terms text"),
    own("terms-again", of="own terms notice", posts=OWNER),
    own("terms-again-text", of="own terms notice text"),
    own("decline", of="own request", posts=OWNER),
    own("progress", of="own request"),
    own("progress-lines", of="own request"),
    own("passphrase", of="token", posts=OWNER),
    own("acknowledge", of="token", opens=NOBODY, posts=OWNER),
    own("token", of="token"),
    own("lock", of="token", posts=OWNER),
    Row("selfservice:revoke-all", USERS, USERS),
    Row("selfservice:replace", USERS, USERS),
    own("replace-one", of="token", posts=OWNER),
    own("replaced-keys", of="replacement", posts=OWNER),
    own("send-again", of="token", opens=NOBODY, posts=OWNER),
    own("not-arrived", of="due token", opens=NOBODY, posts=OWNER),
    own("arrived", of="due token", opens=NOBODY, posts=OWNER),
    own("installed", of="due token", opens=NOBODY, posts=OWNER),
    own("not-installed", of="installation", opens=NOBODY, posts=OWNER),
    own("files", of="token", posts=OWNER),
    own("chain", of="certificate"),
    own("certificate-file", of="certificate file"),
    # --- Signing in
    Row("account_login", PUBLIC, PUBLIC),
    Row("account_logout", PUBLIC, PUBLIC),
    Row("signed-out", PUBLIC),
    Row("account", SIGNED_IN),
    Row("keys", SIGNED_IN),
    Row("mfa_authenticate", PUBLIC, PUBLIC),
    Row("passkey-sign-in", NOBODY, PUBLIC),
    Row("passkey-options", NOBODY, PUBLIC),
    Row("break-glass", PUBLIC, PUBLIC),
    Row("sso", NOBODY, PUBLIC, of="provider"),
    Row("openid_connect_callback", PUBLIC, of="provider"),
    Row("certificate-start", NOBODY, PUBLIC),
    Row("certificate-finish", PUBLIC),
    Row("certificate", PUBLIC),  # at its own host name; without a question it says so
    Row("saml-metadata", PUBLIC, of="saml provider"),
    Row("saml-acs", NOBODY, PUBLIC, of="saml provider"),  # signs in whom a signed assertion names
    Row("saml-finish", PUBLIC, of="saml provider"),
    Row("sso-back-channel-logout", NOBODY, PUBLIC, of="provider"),  # whom a signed token names
    Row("sign-in-way", SIGNED_IN, of="portal"),
    Row("account_reauthenticate", SIGNED_IN, SIGNED_IN),
    Row("second-factor-needed", SIGNED_IN),
    Row("second-factor-app", SIGNED_IN, SIGNED_IN),
    Row("second-factor-remove", OWNER, OWNER, of="passkey", unknown_to=SIGNED_IN - OWNER),
    Row("passkey-add", SIGNED_IN, SIGNED_IN),
    Row("passkey-rename", OWNER, OWNER, of="passkey", unknown_to=SIGNED_IN - OWNER),
    Row("recovery-codes", SIGNED_IN, SIGNED_IN),
    Row("recovery-codes-file", NOBODY, SIGNED_IN),
    Row("session-end", NOBODY, OWNER, of="ended session"),
    Row("sessions-end", NOBODY, SIGNED_IN),
    Row("account_change_password", SIGNED_IN, SIGNED_IN),
    Row("first_sign_in", PUBLIC, PUBLIC),
    # --- Machines, and what everybody may have
    Row("pki:file", PUBLIC, of="published file"),
    Row("pki:ocsp", PUBLIC, PUBLIC),
    Row("pki:ocsp-get", PUBLIC, of="ocsp request"),
    Row("looks-stylesheet", PUBLIC, of="accent"),
    Row("looks-sample", PUBLIC, of="accent of a draft"),
    Row("looks-logo", PUBLIC, of="logo"),
    Row("health-live", PUBLIC),
    Row("health-ready", PUBLIC),
    Row("scim:resource", PUBLIC, PUBLIC, of="scim path"),  # 401 without a token: api/scim/test_tokens.py
    Row("api:call", PUBLIC, PUBLIC, of="api path"),  # answers 401 without a client: api/v1/test_attacks.py
    Row("metrics", PUBLIC),  # in the embedded mode; else with a token alone: config/test_metrics_page.py
    Row("set_language", PUBLIC, PUBLIC),
    Row("favicon", SIGNED_IN, SIGNED_IN),
    # --- The embedded mode alone
    Row("ui:gallery", PUBLIC),
    Row("ui:gallery-light", PUBLIC),
    Row("ui:gallery-dark", PUBLIC),
    Row("ui:gallery-error", PUBLIC, of="error page"),
    Row("mailbox:list", PUBLIC),
    Row("mailbox:message", PUBLIC, of="stored mail"),
    Row("mailbox:html", PUBLIC, of="stored mail"),
    Row("mailbox:attachment", PUBLIC, of="stored attachment"),
)
