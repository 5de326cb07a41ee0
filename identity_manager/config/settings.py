"""All settings, in one place, each from the environment with a safe default for the embedded mode.

DEPLOYMENT=embedded (the default) is the demo on this machine: it listens and answers on loopback only.
DEPLOYMENT=production demands what it needs by name. checks.py refuses what does not fit together.
"""

from pathlib import Path
from urllib.parse import quote

import celery.schedules
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from identity_manager.config import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

DEPLOYMENT = env.choice("DEPLOYMENT", ("embedded", "production"), "embedded")
EMBEDDED = DEPLOYMENT == "embedded"
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var"))).resolve()
SECRETS_DIR = Path(env.text("SECRETS_DIR", str(VAR_DIR / "secrets"))).resolve()


def _embedded_secret(name: str, file_name: str) -> str:
    """In the embedded mode a secret comes from the directory that `make run` filled; else it is demanded."""
    return env.secret_file(name, SECRETS_DIR / file_name) if EMBEDDED else env.text(name)


# --- Django ---------------------------------------------------------------------------------------
SECRET_KEY = _embedded_secret("SECRET_KEY", "secret-key")
DEBUG = False
DEFAULT_EXCEPTION_REPORTER_FILTER = "identity_manager.ui.error_reports.NothingFromMemory"
ALLOWED_HOSTS = (
    env.listing("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
    if EMBEDDED
    else (env.listing("ALLOWED_HOSTS", None))
)
HTTP_PORT = env.integer("HTTP_PORT", 8000, minimum=1, maximum=65535)
CONSOLE_BASE_URL = _base_url = env.text(
    "CONSOLE_BASE_URL", f"http://localhost:{HTTP_PORT}" if EMBEDDED else None
)
SELFSERVICE_BASE_URL = env.text("SELFSERVICE_BASE_URL", _base_url)
# An address, not a name: the linter takes "localhost" for no host at all.
PKI_BASE_URL = env.text("PKI_BASE_URL", f"http://127.0.0.1:{HTTP_PORT}" if EMBEDDED else None)

ROOT_URLCONF = "identity_manager.config.urls"
WSGI_APPLICATION = "identity_manager.config.wsgi.application"
AUTH_USER_MODEL = "identity_manager.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "anymail",
    "csp",
    "django_htmx",
    "identity_manager",
    "selfservice",
    "ca_bridge",
    "ca_bridge.connectors.embedded",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "identity_manager.ui.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["identity_manager.ui.templatetags.ui"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "identity_manager.ui.context.portal",
            ],
        },
    },
]
FORM_RENDERER = "identity_manager.ui.forms.FormRenderer"

# --- Database, cache, sessions --------------------------------------------------------------------
DATABASES = {
    "default": env.database(
        "DATABASE_URL", f"sqlite://{quote(str(VAR_DIR))}/data/db.sqlite3" if EMBEDDED else None
    )
}
ALLOW_SQLITE = env.boolean("ALLOW_SQLITE", default=False)  # in production, where one machine serves all
BROKER_URL = env.text(
    "BROKER_URL", f"redis+socket://{quote(str(VAR_DIR))}/run/broker.sock" if EMBEDDED else None
)
# Rate limits and lockout need a cache that all processes share.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # what is culled is a lockout that ends early
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EMBEDDED

# --- Security headers -----------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "identity_manager.ui.error_pages.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if not EMBEDDED:
    SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = ["^health/"]  # asked from inside, without the proxy
    SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31536000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.boolean(
        "SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True
    )
    # Only a proxy that strips this header from its clients may be put in front.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Sign-in --------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["identity_manager.ui.account_adapter.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "identity_manager.ui.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = RECENT_SIGN_IN_SECONDS = 15 * 60
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/15m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "first_sign_in": "20/m/ip,10/15m/key",
}
# Proxies that add to X-Forwarded-For, the nearest last: limits for an address count the one that they name.
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXIES", 0 if EMBEDDED else 1, minimum=0, maximum=9)
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
# Sign-in by a mailed link is off: one mailbox would then open both channels, the file and the passphrase.

# --- Languages, time ------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.text("TIME_ZONE", "Europe/Berlin")
USE_TZ = True

# --- Static files ---------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "identity_manager" / "ui" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Mail -----------------------------------------------------------------------------------------
EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND",
    "identity_manager.mail.mailbox.MailboxBackend"
    if EMBEDDED
    else "django.core.mail.backends.smtp.EmailBackend",
)
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
ANYMAIL = env.json_object("ANYMAIL", {})

# --- Queue ----------------------------------------------------------------------------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_DEFAULT_QUEUE = "ca"
CELERY_TASK_ROUTES = {"mail.*": {"queue": "mail"}}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    # A page does not wait for a broker that is down: the sweep publishes later.
    "max_retries": 1,
    "interval_start": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "run" / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "queue.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "erase-traces": {"task": "vault.erase_traces", "schedule": 5.0, "options": {"expires": 5}},
    "revoke-surplus": {"task": "ca.revoke_surplus", "schedule": 60.0, "options": {"expires": 60}},
    "renew-crls": {"task": "ca.renew_crls", "schedule": 300.0, "options": {"expires": 300}},
    "lapse": {"task": "road.lapse_overdue", "schedule": celery.schedules.crontab(minute=7)},
}
LEASE_SECONDS = 300  # a claim outlives the longest task

# --- Secrets at rest: one ring of key-encryption keys for each purpose -----------------------------
VAULT_KEYS = {
    "private-keys": env.key_ring("KEYS_PRIVATE_KEYS", SECRETS_DIR / "kek-private-keys"),
    "passphrases": env.key_ring("KEYS_PASSPHRASES", SECRETS_DIR / "kek-passphrases"),
    "other": env.key_ring("KEYS_OTHER", SECRETS_DIR / "kek-other"),
}

# --- Certificate authorities ----------------------------------------------------------------------
CA_CONNECTORS = (
    {
        "corporate": {
            "CONNECTOR": "ca_bridge.connectors.embedded.connector.EmbeddedConnector",
            "OPTIONS": {
                "name": "corporate",
                "directory": str(VAR_DIR / "ca" / "corporate"),
                "publication_url": f"{PKI_BASE_URL}/pki",
                "passphrase_file": str(SECRETS_DIR / "ca-corporate-passphrase"),
                "organisation": env.text("CA_ORGANISATION", "Example Corporation"),
            },
        },
    }
    if env.boolean("EMBEDDED_CA", default=EMBEDDED)
    else {}
)
CONTAINER_STANDARD_ITERATIONS = env.integer(
    "CONTAINER_STANDARD_ITERATIONS", 10_000, minimum=2_048, maximum=300_000
)

# --- The road -------------------------------------------------------------------------------------
ACCEPTANCE_DAYS = env.integer("ACCEPTANCE_DAYS", 30, minimum=1, maximum=365)
SIGN_IN_CODE_DAYS = 7
# Whether one person may hold roles that watch each other, such as administrator and approver.
ALLOW_CONFLICTING_ROLES = env.boolean("ALLOW_CONFLICTING_ROLES", default=False)

# --- Logs -----------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"pkilint": {"level": "WARNING"}},
}
