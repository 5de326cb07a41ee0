"""Single sign-on: each provider's discovery document answers, names the issuer that we know, and has keys."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from django.conf import settings

from ca_bridge import outgoing
from ca_bridge.connection import faults
from identity_manager.management.doctor.check_result import CheckResult, failed, ok
from identity_manager.people.sign_in.sso_provider import SsoProvider

HTTP_SECONDS = 10
DISCOVERY = "/.well-known/openid-configuration"
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
SEE_PROVIDER = (
    "See server_url in SSO_PROVIDERS, TRUSTED_CA_FILE and HTTPS_PROXY_URL. Nobody signs in by it meanwhile."
)


class _WrongAnswerError(Exception):
    """An invalid answer of a provider; the text is the reason."""


def providers() -> Iterator[CheckResult]:
    """Check each provider by its public documents; no credentials are sent."""
    for provider in settings.SSO_PROVIDERS.values():
        try:
            yield _examined(provider)
        except _WrongAnswerError as error:
            yield failed(f"{provider.id}: {error}", SEE_PROVIDER)
    if not settings.SSO_PROVIDERS:
        yield ok("No provider of single sign-on is configured.")


def _examined(provider: SsoProvider) -> CheckResult:
    with outgoing.session() as session:
        found = _json(session, f"{provider.server_url}{DISCOVERY}")
        if missing := [name for name in NEEDED if not isinstance(found.get(name), str)]:
            raise _WrongAnswerError(f"its discovery document lacks {', '.join(missing)}.")
        if found["issuer"].rstrip("/") != provider.server_url:
            raise _WrongAnswerError(
                f"it says that it is {found['issuer']}, and server_url is {provider.server_url}."
            )
        keys = _json(session, found["jwks_uri"])
    try:
        usable = len(jwt.PyJWKSet.from_dict(keys).keys)
    except (jwt.PyJWTError, TypeError, ValueError, AttributeError) as error:
        raise _WrongAnswerError(f"no key at {found['jwks_uri']} can be read.") from error
    return ok(f"{provider.id}: {provider.server_url} answers, as the issuer that we know ({usable} keys).")


def _json(session: requests.Session, url: str) -> dict[str, Any]:
    try:
        answer = session.get(url, timeout=HTTP_SECONDS)
    except OSError as error:  # those of requests, too
        raise _WrongAnswerError(faults.sentence(urlsplit(url).netloc, error)) from error
    except ValueError as error:
        raise _WrongAnswerError(f"{url} is no address.") from error
    if answer.status_code != requests.codes.ok:
        raise _WrongAnswerError(f"{url} answers HTTP {answer.status_code}.")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _WrongAnswerError(f"{url} answers with something else than a JSON object.")
    return found
