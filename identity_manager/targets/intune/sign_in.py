"""Access tokens of Microsoft Entra for an app: client credentials with a certificate, or a client secret.

With a certificate, its key signs a short-lived assertion (RFC 7523), so that no reusable secret is sent. The
token is cached in memory for one run of a worker.
"""

import base64
import hashlib
import time
import uuid
from urllib.parse import urlencode

import jwt
from django.utils.translation import gettext as _

from identity_manager.targets import https
from identity_manager.targets.contract import Unavailable
from identity_manager.targets.intune.options import IntuneOptions

SCOPE = "{graph}/.default"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECONDS = 300  # lifetime of an assertion
EARLY = 60  # seconds before its expiry at which a token is no longer used


class SignIn:
    """One app in one tenant."""

    def __init__(self, options: IntuneOptions, secret: str) -> None:
        self._options, self._secret = options, secret
        self._token, self._until = "", 0.0

    def token(self) -> str:
        """A token that is valid for at least EARLY seconds. Raises Unavailable."""
        if not self._token or time.monotonic() > self._until:
            self._token, self._until = self._fetched()
        return self._token

    def forget(self) -> None:
        """Drop the token, because it was refused or the run is over."""
        self._token = ""

    def _fetched(self) -> tuple[str, float]:
        options = self._options
        url = f"{options.login_url}/{options.tenant}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": options.client_id,
            "scope": SCOPE.format(graph=options.graph_url),
            **self._credential(url),
        }
        try:
            reply = https.call(
                https.Request(url, "POST", FORM, urlencode(form).encode("ascii"), options.timeout)
            )
        except OSError as error:
            raise Unavailable(_("The sign-in service cannot be reached."), detail=str(error)) from error
        said = reply.json()
        if reply.status == 200 and said.get("access_token"):
            valid = said.get("expires_in")
            seconds = valid if isinstance(valid, int) else EARLY
            return str(said["access_token"]), time.monotonic() + max(0, seconds - EARLY)
        if reply.status in (400, 401):  # RFC 6749 5.2
            words = _("The sign-in service does not accept the app: its credential is wrong, or has expired.")
            raise Unavailable(words, detail=f"{reply.status} {said.get('error', '')}")
        raise Unavailable(
            _("The sign-in service does not answer as it should."),
            detail=str(reply.status),
            retry_after=reply.retry_after,
        )

    def _credential(self, audience: str) -> dict[str, str]:
        if not self._options.certificate:
            return {"client_secret": self._secret}
        now = int(time.time())
        claims = {
            **dict.fromkeys(("iss", "sub"), self._options.client_id),
            "aud": audience,
            "jti": str(uuid.uuid4()),
            "nbf": now,
            "exp": now + SECONDS,
        }
        digest = base64.urlsafe_b64encode(hashlib.sha256(self._options.certificate).digest())
        header = {"x5t#S256": digest.decode("ascii").rstrip("=")}
        try:
            made = jwt.encode(claims, self._secret, algorithm="PS256", headers=header)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unavailable(_("The secret of the target is no private key of its certificate.")) from None
        return {"client_assertion_type": ASSERTION, "client_assertion": made}
