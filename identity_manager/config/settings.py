"""All settings, in one place, each from the environment with a safe default for the embedded mode.

DEPLOYMENT=embedded (the default) is the demo on this machine: it listens and answers on loopback only.
DEPLOYMENT=production demands what it needs by name. config/checks/ refuses what does not fit together.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit

from identity_manager.config import (
    apple_profiles,
    authorities,
    content_security,
    directory_sources,
    env,
    installed,
    languages,
    rate_limits,
    siem_sinks,
    sso,
    targets,
    vault_keys,
)
from identity_manager.config.broker import addresses as broker
from identity_manager.config.database import options as database
from identity_manager.config.observability import logs
from identity_manager.config.runtime import core_dumps

BASE_DIR = Path(__file__).resolve().parent.parent.parent
core_dumps.forbid()  # before the first secret is read

DEPLOYMENT = env.choice("DEPLOYMENT", ("embedded", "production"), "embedded")
EMBEDDED = DEPLOYMENT == "embedded"
VAR_DIR = env.directory("VAR_DIR", BASE_DIR / "var").resolve()
SECRETS_DIR = env.directory("SECRETS_DIR", VAR_DIR / "secrets").resolve()


def _embedded_secret(name: str, file_name: str) -> str:
    """In the embedded mode a secret comes from the directory that `make run` filled; else it is demanded."""
    return env.secret_file(name, SECRETS_DIR / file_name) if EMBEDDED else env.text(name)


# --- Django ---------------------------------------------------------------------------------------
SECRET_KEY = _embedded_secret("SECRET_KEY", "secret-key")
DEBUG = False
DEFAULT_EXCEPTION_REPORTER_FILTER = "identity_manager.ui.http.error_reports.NothingFromMemory"
HTTP_PORT = env.integer("HTTP_PORT", 8000, minimum=1, maximum=65535)
MAINTENANCE = env.boolean("MAINTENANCE", default=False)

# --- The portals, on one host or on two -----------------------------------------------------------
# Which of them this process serves. Workers and commands may leave it alone.
PORTALS = env.choices("PORTALS", ("console", "selfservice"))
CONSOLE_BASE_URL = _base_url = env.base_url(
    "CONSOLE_BASE_URL", f"http://localhost:{HTTP_PORT}" if EMBEDDED else None
)
SELFSERVICE_BASE_URL = env.base_url("SELFSERVICE_BASE_URL", _base_url)
_own_urls = {"console": CONSOLE_BASE_URL, "selfservice": SELFSERVICE_BASE_URL}
_own_urls = {portal: url for portal, url in _own_urls.items() if portal in PORTALS}
# URLconfs of the portals for links, also in a process that does not serve them.
PORTAL_URLCONFS = {portal: f"identity_manager.config.{portal}_urls" for portal in ("console", "selfservice")}
# An address, not a name: the linter takes "localhost" for no host at all.
PKI_BASE_URL = env.web_address("PKI_BASE_URL", f"http://127.0.0.1:{HTTP_PORT}" if EMBEDDED else None)
ALLOWED_HOSTS = env.listing(
    "ALLOWED_HOSTS",
    ["localhost", "127.0.0.1", "[::1]"]
    if EMBEDDED
    else [urlsplit(url).hostname or "" for url in (*_own_urls.values(), PKI_BASE_URL)],
)
CSRF_TRUSTED_ORIGINS = sorted(set(_own_urls.values()))

ROOT_URLCONF = "identity_manager.config.urls"
WSGI_APPLICATION = "identity_manager.config.wsgi.application"
AUTH_USER_MODEL = "identity_manager.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = installed.APPS
MIDDLEWARE = installed.MIDDLEWARE
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": installed.TEMPLATE_BUILTINS,
            "context_processors": installed.CONTEXT_PROCESSORS,
        },
    },
]
FORM_RENDERER = "identity_manager.ui.forms.FormRenderer"

# --- Database, cache, sessions --------------------------------------------------------------------
DATABASES = {
    "default": database.tuned(
        env.database("DATABASE_URL", f"sqlite://{quote(str(VAR_DIR))}/data/db.sqlite3" if EMBEDDED else None)
    )
}
if _replica := env.text("DATABASE_REPLICA_URL", ""):
    DATABASES["replica"] = database.replica("DATABASE_REPLICA_URL", _replica, of=DATABASES["default"])
    DATABASE_ROUTERS = ["identity_manager.config.database.router.ReplicaRouter"]
ALLOW_SQLITE = env.boolean("ALLOW_SQLITE", default=False)  # in production, where one machine serves all
PLAIN_QUERIES = env.boolean("PLAIN_QUERIES", default=False)
BROKER_URL = broker.address(f"redis+socket://{quote(str(VAR_DIR))}/run/broker.sock" if EMBEDDED else None)
# Rate limits and lockout need a cache that all processes share.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # what is culled is a lockout that ends early
    },
    # In each process: numbers that pages show some seconds long (console/lists/remembered_counts.py).
    "counts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "counts",
        "OPTIONS": {"MAX_ENTRIES": 2_000},
    },
    # In each process, too: the company's looks, which every page shows (queries/looks.py).
    "looks": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "looks"},
}
SESSION_ENGINE = "identity_manager.account.session_store"
SESSION_PORTAL = "+".join(PORTALS)  # a session of one portal is none of the other
# __Host-: of this host alone, over https alone (RFC 6265bis 4.1.3.2). Each portal's have names of their own.
_cookie = ("" if EMBEDDED else "__Host-") + (f"{PORTALS[0]}-" if len(PORTALS) == 1 else "")
SESSION_COOKIE_NAME = f"{_cookie}sessionid"
CSRF_COOKIE_NAME = f"{_cookie}csrftoken"
KNOWN_DEVICE_COOKIE_NAME = f"{_cookie}device"
KNOWN_DEVICE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_NAME = ("" if EMBEDDED else "__Host-") + "django_language"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # not in a cookie
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not EMBEDDED

# --- Security headers -----------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = content_security.POLICY
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "identity_manager.ui.http.error_pages.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if not EMBEDDED:
    SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = ["^pki/"]  # what is signed, and fetched by http (RFC 5280 8)
    SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31536000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.boolean(
        "SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True
    )

# --- Proxies in front -----------------------------------------------------------------------------
# Number of trusted proxies that append to X-Forwarded-For: rate limits count the address that they add.
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXIES", 0 if EMBEDDED else 1, minimum=0, maximum=9)
# Forwarded headers of any other sender are dropped.
PROXY_ADDRESSES = env.networks("PROXY_ADDRESSES", ["127.0.0.1", "::1"])
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

# --- Outgoing calls -------------------------------------------------------------------------------
# Trust anchors of every outgoing TLS connection (ca_bridge/outgoing.py); empty: the system's store.
TRUSTED_CA_FILE = env.certificates("TRUSTED_CA_FILE", "")
HTTPS_PROXY_URL = env.proxy("HTTPS_PROXY_URL", "")
NO_PROXY = env.listing("NO_PROXY", [])

# --- Sign-in --------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["identity_manager.account.adapter.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "identity_manager.account.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = RECENT_SIGN_IN_SECONDS = 15 * 60
ACCOUNT_RATE_LIMITS = rate_limits.RATES
MFA_ADAPTER = "identity_manager.account.second_factor.second_factor_adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_PERIOD = 30
MFA_TOTP_TOLERANCE = 1  # steps: clocks of phones differ, and people type slowly
MFA_RECOVERY_CODE_COUNT = 10
MFA_RECOVERY_CODE_DIGITS = 10
# The domain of passkeys (WebAuthn RP ID), which both portals may share; empty: the host name of each.
PASSKEY_DOMAIN = env.text("PASSKEY_DOMAIN", "")
# An officer without a second factor is led to set one up before any page of Identity Manager opens.
OFFICERS_NEED_SECOND_FACTOR = env.boolean("OFFICERS_NEED_SECOND_FACTOR", default=not EMBEDDED)
# Sign-in methods of each portal. A break-glass account bypasses them, at its own URL.
_ways = ("password", "passkey", "sso", "saml", "certificate")
SIGN_IN_METHODS = {
    "console": env.choices("SIGN_IN_METHODS_CONSOLE", _ways),
    "selfservice": env.choices("SIGN_IN_METHODS_SELFSERVICE", _ways),
}
SSO_PROVIDERS = sso.providers(env.json_object("SSO_PROVIDERS", {}))
# Where a proxy asks for client certificates, how it passes them on, and whose certificates sign in.
CERTIFICATE_BASE_URL = env.base_url("CERTIFICATE_BASE_URL", "")
CERTIFICATE_HEADER = env.choice("CERTIFICATE_HEADER", ("client-cert", "x-ssl-client-cert"), "client-cert")
CERTIFICATE_CAS = env.certificates_in("CERTIFICATE_CA_FILE", "")
CERTIFICATE_PROXY_SECRET = env.text("CERTIFICATE_PROXY_SECRET", "")
if CERTIFICATE_BASE_URL and not EMBEDDED and not env.is_set("ALLOWED_HOSTS"):
    ALLOWED_HOSTS.append(urlsplit(CERTIFICATE_BASE_URL).hostname or "")
SAML_PROVIDERS = sso.saml_providers(env.json_object("SAML_PROVIDERS", {}), taken=SSO_PROVIDERS)
SOCIALACCOUNT_ADAPTER = "identity_manager.account.single_sign_on.sso.SocialAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
# Sign-in by a mailed link is off: file and passphrase would then both be reachable with one mailbox.

# --- Languages, time ------------------------------------------------------------------------------
LANGUAGE_CODE = languages.SOURCE
LOCALE_PATHS = [BASE_DIR / "locale", *map(Path, env.listing("LOCALE_DIRECTORIES", []))]
LANGUAGES = languages.offered(languages.found_in(LOCALE_PATHS), env.listing("LANGUAGES", []))
SORT_LANGUAGE = env.choice("SORT_LANGUAGE", tuple(code for code, _name in LANGUAGES), languages.SOURCE)
FORMAT_MODULE_PATH = "identity_manager.ui.formats"
TIME_ZONE = env.time_zone("TIME_ZONE", "Europe/Berlin")
USE_TZ = True

# --- Static files ---------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.directory("STATIC_ROOT", VAR_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "identity_manager" / "ui" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "identity_manager.config.static_files.StaticFilesStorage"},
}

# --- Mail -----------------------------------------------------------------------------------------
_django_smtp, _smtp = "django.core.mail.backends.smtp.EmailBackend", "identity_manager.mail.smtp.EmailBackend"
EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND", "identity_manager.mail.mailbox.MailboxBackend" if EMBEDDED else _smtp
)
EMAIL_BACKEND = _smtp if _django_smtp == EMAIL_BACKEND else EMAIL_BACKEND  # ours trusts TRUSTED_CA_FILE
MAILBOX_DIR = VAR_DIR / "mailbox"
DEFAULT_FROM_EMAIL = env.text(
    "MAIL_FROM", "Identity Manager <identity-manager@example.com>" if EMBEDDED else None
)
EMAIL_HOST = env.text("SMTP_HOST", "localhost" if EMBEDDED else "")
EMAIL_PORT = env.integer("SMTP_PORT", 587, minimum=1, maximum=65535)
EMAIL_HOST_USER = env.text("SMTP_USER", "")
EMAIL_HOST_PASSWORD = env.text("SMTP_PASSWORD", "")
EMAIL_USE_TLS = env.choice("SMTP_SECURITY", ("starttls", "tls", "none"), "starttls") == "starttls"
EMAIL_USE_SSL = env.choice("SMTP_SECURITY", ("starttls", "tls", "none"), "starttls") == "tls"
EMAIL_TIMEOUT = env.integer("SMTP_TIMEOUT", 20, minimum=1, maximum=300)
# The mailbox (IMAP) in which delivery reports (RFC 3464) to MAIL_FROM arrive; without a host none is read.
REPORT_MAILBOX_HOST = env.text("REPORT_MAILBOX_HOST", "")
REPORT_MAILBOX_PORT = env.integer("REPORT_MAILBOX_PORT", 993, minimum=1, maximum=65535)
REPORT_MAILBOX_USER = env.text("REPORT_MAILBOX_USER", "")
REPORT_MAILBOX_PASSWORD = env.text("REPORT_MAILBOX_PASSWORD", "")
REPORT_MAILBOX_SECURITY = env.choice("REPORT_MAILBOX_SECURITY", ("tls", "starttls"), "tls")
REPORT_MAILBOX_FOLDER = env.text("REPORT_MAILBOX_FOLDER", "INBOX")
# How containers reach their owner: in the mail, by the guarded download that the mail links to, or both.
DELIVERY_MODE = env.choice("DELIVERY_MODE", ("attachment", "link", "both"), "attachment")
ANYMAIL = env.json_object("ANYMAIL", {})

# --- Configuration profiles for Apple devices -----------------------------------------------------
PROFILE_SIGNER, APPLE_MAIL_SERVERS = apple_profiles.named_signer(), apple_profiles.named_mail_servers()

# --- Queue ----------------------------------------------------------------------------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_USE_SSL = broker.tls(BROKER_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(BROKER_URL)
CELERY_BROKER_HEARTBEAT = 30
CELERY_TASK_QUEUES = broker.queues(BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = "ca"
CELERY_TASK_ROUTES = broker.ROUTES
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = database.TASK_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = broker.CONNECT_SECONDS
CELERY_TASK_PUBLISH_RETRY = False
BROKER_ANSWER_SECONDS = broker.ANSWER_SECONDS  # how long whoever publishes waits for RabbitMQ to confirm
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "identity_manager.config.broker.beat_ticker:Ticker"
# The beat only ticks: which jobs there are, and how often, says identity_manager/jobs/runner.py. Only the
# sealer of the audit log is published every second. Ticks expire after ten minutes. A worker discards expired
# ones by its own clock: with a shorter time, a beat whose clock is minutes behind would stop all jobs, the
# sweep included. Duplicate ticks are harmless: they find nothing to do.
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "jobs.tick", "schedule": 5.0, "options": {"expires": 600}},
    "seal": {"task": "audit.seal", "schedule": 1.0, "options": {"expires": 600}},
}
LEASE_SECONDS = 300  # a claim outlives the longest task

# --- Secrets at rest: one ring of key-encryption keys for each purpose -----------------------------
VAULT_KEYS = vault_keys.rings(SECRETS_DIR)
# Key service and HSM of rings that contain references instead of keys.
KEY_SERVICE, KEYS_HSM = vault_keys.key_service(), vault_keys.hsm()

# --- Audit log ------------------------------------------------------------------------------------
AUDIT_KEYS = env.key_ring("AUDIT_KEYS", SECRETS_DIR / "audit-keys")
AUDIT_SIGNING_KEYS = env.key_ring("AUDIT_SIGNING_KEYS", SECRETS_DIR / "audit-signing-keys")
AUDIT_HEAD_MINUTES = env.integer("AUDIT_HEAD_MINUTES", 5, minimum=1, maximum=1440)
# Destinations of signed heads, so that database access alone does not suffice to truncate the log unnoticed.
AUDIT_HEAD_EXPORT = env.listing(
    "AUDIT_HEAD_EXPORT", [f"file:{VAR_DIR / 'audit-heads.jsonl'}"] if EMBEDDED else []
)
# Public keys (Ed25519, base64) of other installations whose signed configuration files are known here.
CONFIGURATION_SIGNERS = env.public_keys("CONFIGURATION_SIGNERS", [])
# Receivers of every sealed event of the audit log.
SIEM_SINKS = siem_sinks.sinks(env.json_object("SIEM_SINKS", {}))
# Internal networks that webhooks may reach, and additional trust anchors for certificates there.
WEBHOOK_ALLOWED_NETWORKS = env.networks("WEBHOOK_ALLOWED_NETWORKS", [])
WEBHOOK_CA_FILE = env.certificates("WEBHOOK_CA_FILE", "")

# --- Certificate authorities ----------------------------------------------------------------------
CA_CONNECTORS = authorities.connections(VAR_DIR, SECRETS_DIR, pki_base_url=PKI_BASE_URL, embedded=EMBEDDED)
CONTAINER_STANDARD_ITERATIONS = env.integer(
    "CONTAINER_STANDARD_ITERATIONS", 10_000, minimum=2_048, maximum=300_000
)
# Whether each certificate comes in a third container, too, with PBMAC1 (RFC 9879).
CONTAINER_FIPS = env.boolean("CONTAINER_FIPS", default=False)
# Keys of each RSA size that a worker process keeps in its memory.
KEY_POOL_SIZE = env.integer("KEY_POOL_SIZE", 2, minimum=0, maximum=100)

# --- Where persons come from ----------------------------------------------------------------------
DIRECTORY_SOURCES = directory_sources.sources(env.json_object("DIRECTORY_SOURCES", {}))
# Above these, within 24 hours, over all sources and files together, two officers have to agree.
BREAKER_PERSONS = env.integer("BREAKER_PERSONS", 500, minimum=1)
BREAKER_LEAVING_PERCENT = env.integer("BREAKER_LEAVING_PERCENT", 5, minimum=1, maximum=100)
BREAKER_EMAILS_PERCENT = env.integer("BREAKER_EMAILS_PERCENT", 5, minimum=1, maximum=100)

# --- Where certificates go ------------------------------------------------------------------------
TARGETS = targets.targets(env.json_object("TARGETS", {}), sources=DIRECTORY_SOURCES)

# --- Workflow: deadlines, reminders, four eyes ----------------------------------------------------
ACCEPTANCE_DAYS = env.integer("ACCEPTANCE_DAYS", 30, minimum=1, maximum=365)
# Days before the end when the person is reminded; an empty list: never.
ACCEPTANCE_REMINDER_DAYS = env.integers("ACCEPTANCE_REMINDER_DAYS", [14, 7, 3, 1], minimum=1, maximum=365)
PASSPHRASE_REMINDER_DAYS = env.integers("PASSPHRASE_REMINDER_DAYS", [7, 3, 1], minimum=1, maximum=365)
TERMS_REMINDER_DAYS = env.integers("TERMS_REMINDER_DAYS", [14, 7, 3, 1], minimum=1, maximum=365)
# Days before a token ends when its person is asked to renew it; after the last of them, daily.
RENEWAL_REMINDER_DAYS = env.integers("RENEWAL_REMINDER_DAYS", [60, 30, 14, 7], minimum=1, maximum=365)
# Tokens that are revoked in 24 hours because nobody installed them; more at once are for people to decide.
INSTALLATION_REVOCATIONS_A_DAY = env.integer("INSTALLATION_REVOCATIONS_A_DAY", 100, minimum=1)
# Days that a decision waits before who was asked is reminded, and before others are asked too.
APPROVAL_REMINDER_DAYS = env.integer("APPROVAL_REMINDER_DAYS", 2, minimum=1, maximum=365)
APPROVAL_ESCALATION_DAYS = env.integer("APPROVAL_ESCALATION_DAYS", 5, minimum=1, maximum=365)
SIGN_IN_CODE_DAYS = 7
# Files of fonts for names in scripts that the letters' own font lacks: Chinese, Japanese, Korean, Tamil.
LETTER_FONTS = env.listing("LETTER_FONTS", [])
# Whether a second System Administrator has to activate changes of the catalogue (four eyes).
CATALOGUE_FOUR_EYES = env.boolean("CATALOGUE_FOUR_EYES", default=not EMBEDDED)
# Whether one person may hold conflicting roles (separation of duties), such as administrator and approver.
ALLOW_CONFLICTING_ROLES = env.boolean("ALLOW_CONFLICTING_ROLES", default=False)
# Days between recertifications of officers' roles (0: none), days to answer, and the fate of unanswered
# roles.
RECERTIFICATION_DAYS = env.integer("RECERTIFICATION_DAYS", 365, maximum=3650)
RECERTIFICATION_ANSWER_DAYS = env.integer("RECERTIFICATION_ANSWER_DAYS", 30, minimum=1, maximum=365)
RECERTIFICATION_UNANSWERED = env.choice("RECERTIFICATION_UNANSWERED", ("report", "end"), "report")

# --- How long things are kept, in days; 0 is for ever ----------------------------------------------
A_CENTURY = 36_500  # no job can look further back than the calendar goes
RETENTION_MAIL_DAYS = env.integer("RETENTION_MAIL_DAYS", 180, maximum=A_CENTURY)
RETENTION_REQUEST_DAYS = env.integer("RETENTION_REQUEST_DAYS", 1095, maximum=A_CENTURY)
RETENTION_ARCHIVE_DAYS = env.integer("RETENTION_ARCHIVE_DAYS", 0, maximum=A_CENTURY)
RETENTION_SIGN_IN_DAYS = env.integer("RETENTION_SIGN_IN_DAYS", 180, maximum=A_CENTURY)
RETENTION_AUDIT_DAYS = env.integer("RETENTION_AUDIT_DAYS", 3650, maximum=A_CENTURY)
ERASURE_DAYS = env.integer("ERASURE_DAYS", 90, maximum=A_CENTURY)  # from locking a person until erasing them

# --- Backups --------------------------------------------------------------------------------------
# Hours without a backup after which metrics, the doctor and START report it; 0: not monitored.
# Key-encryption keys without which archived keys of a backup are not recovered are not destroyed before.
BACKUP_KEPT_DAYS = env.integer("BACKUP_KEPT_DAYS", 90, minimum=1, maximum=A_CENTURY)
# The PKCS#11 module of recovery keys in an HSM, where workers and the ceremony are.
RECOVERY_HSM_MODULE = env.text("RECOVERY_HSM_MODULE", "")
BACKUP_WITHIN_HOURS = env.integer("BACKUP_WITHIN_HOURS", 0 if EMBEDDED else 30, maximum=8760)

# --- Monitoring -----------------------------------------------------------------------------------
METRICS_TOKEN = env.text("METRICS_TOKEN", "")  # what Prometheus shows to read /metrics

OTEL_EXPORTER_OTLP_ENDPOINT = env.text("OTEL_EXPORTER_OTLP_ENDPOINT", "")
SENTRY_DSN = env.text("SENTRY_DSN", "")

# --- Logs -----------------------------------------------------------------------------------------
LOGGING = logs.configuration(
    form=env.choice("LOG_FORMAT", logs.FORMATS, "line"), level=env.choice("LOG_LEVEL", logs.LEVELS, "INFO")
)
LOG_REQUESTS = env.boolean("LOG_REQUESTS", default=not EMBEDDED)  # a line for each visit and each task
