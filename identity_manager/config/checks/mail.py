"""Checks of mail settings in production."""

from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.module_loading import import_string

from identity_manager.config.checks.finding import LOOPBACK_HOSTS, SettingsFinding

SMTP_BACKENDS = (
    "identity_manager.mail.smtp.EmailBackend",
    "django.core.mail.backends.smtp.EmailBackend",
)
ANYMAIL_BACKENDS = "anymail.backends."
WEBHOOK_SECRET_LENGTH = 20  # minimum characters of the part after the colon, which nobody has to type


def findings() -> Iterator[SettingsFinding]:
    """Inconsistent mail settings."""
    if not is_sender(settings.DEFAULT_FROM_EMAIL):
        yield SettingsFinding(
            "E401",
            "MAIL_FROM must be one address, or a name and an address: Tokens <tokens@your-domain>.",
        )
    if not _exists(settings.EMAIL_BACKEND):
        yield SettingsFinding("E402", f"EMAIL_BACKEND names no mail backend: {settings.EMAIL_BACKEND}.")
    if settings.EMAIL_BACKEND in SMTP_BACKENDS:
        yield from _smtp()
    if settings.REPORT_MAILBOX_HOST and not (
        settings.REPORT_MAILBOX_USER and settings.REPORT_MAILBOX_PASSWORD
    ):
        yield SettingsFinding(
            "E408",
            "REPORT_MAILBOX_HOST is set: set REPORT_MAILBOX_USER and REPORT_MAILBOX_PASSWORD, too, or "
            "no delivery report can be read.",
        )
    if settings.EMAIL_BACKEND.startswith(ANYMAIL_BACKENDS):
        yield from _webhook()
    elif settings.ANYMAIL:
        yield SettingsFinding(
            "E406",
            "ANYMAIL is set, but EMAIL_BACKEND is none of anymail's, so it would have no effect: "
            "name the provider's backend, such as anymail.backends.postmark.EmailBackend.",
        )


def _smtp() -> Iterator[SettingsFinding]:
    if not settings.EMAIL_HOST:
        yield SettingsFinding(
            "E403", "SMTP_HOST is missing: name the mail server, or a provider's EMAIL_BACKEND."
        )
    if bool(settings.EMAIL_HOST_USER) != bool(settings.EMAIL_HOST_PASSWORD):
        yield SettingsFinding("E404", "SMTP_USER and SMTP_PASSWORD go together: set both, or neither.")
    protected = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or settings.EMAIL_HOST in LOOPBACK_HOSTS
    if settings.EMAIL_HOST_PASSWORD and not protected:
        yield SettingsFinding(
            "E405", "SMTP_SECURITY=none would send SMTP_PASSWORD unprotected: use starttls or tls."
        )


def _webhook() -> Iterator[SettingsFinding]:
    """The webhook's secret, which may be missing: then there is no webhook, and bounces stay unknown."""
    secrets = settings.ANYMAIL.get("WEBHOOK_SECRET") or []
    for secret in secrets if isinstance(secrets, list) else [secrets]:
        user, _colon, password = secret.partition(":") if isinstance(secret, str) else ("", "", "")
        if not user or len(password) < WEBHOOK_SECRET_LENGTH:
            yield SettingsFinding(
                "E407",
                "WEBHOOK_SECRET in ANYMAIL must be name:secret, the secret at least "
                f"{WEBHOOK_SECRET_LENGTH} random characters.",
            )


def is_sender(value: str) -> bool:
    """Whether it is one ASCII address, with or without display name, and cannot inject a header."""
    name, bracket, rest = value.rpartition("<")
    address = rest.removesuffix(">") if bracket else value
    if bracket and (not rest.endswith(">") or "<" in name or "@" in name):
        return False
    try:
        validate_email(address.strip())
    except ValidationError:
        return False
    return address.isascii() and value.isprintable()


def _exists(dotted: str) -> bool:
    try:
        import_string(dotted)
    except ImportError:
        return False
    return True
