"""Access tokens of Google for a service account with domain-wide delegation (RFC 7523, one for each person).

The account's key signs a short-lived assertion for one person's mailbox and one scope. Tokens are cached in
memory for one run of a worker. Google returns the same error for an unknown person as for a wrong account; if
a person's token is refused, one for the configured mailbox is requested to tell the two apart.
"""

import json
import time
from typing import NamedTuple
from urllib.parse import urlencode

import jwt
from django.utils.translation import gettext as _

from identity_manager.targets import https
from identity_manager.targets.contract import NoPlace, TargetError, Unavailable
from identity_manager.targets.gmail.options import GmailOptions
from identity_manager.targets.https import Reply

SCOPE = "https://www.googleapis.com/auth/gmail.settings.basic"  # the settings of the primary address
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECONDS = 300  # lifetime of an assertion
EARLY = 60  # seconds before its expiry at which a token is no longer used
REFUSALS = ("invalid_grant", "unauthorized_client")  # of the account, or of the person alone


class ServiceAccount(NamedTuple):
    """The service account in the key file (JSON) from Google."""

    client_email: str
    private_key: str
    private_key_id: str


class SignIn:
    """One service account, for one run."""

    def __init__(self, options: GmailOptions, secret: str) -> None:
        self._options, self._secret = options, secret
        self._tokens: dict[str, tuple[str, float]] = {}

    def token(self, mailbox: str) -> str:
        """A token for the settings of one mailbox. Raises NoPlace or Unavailable."""
        token, until = self._tokens.get(mailbox, ("", 0.0))
        if not token or time.monotonic() > until:
            token, until = self._fetched(mailbox)
            self._tokens[mailbox] = token, until
        return token

    def forget(self) -> None:
        """Drop all tokens, because one was refused or the run is over."""
        self._tokens.clear()

    def _fetched(self, mailbox: str) -> tuple[str, float]:
        reply = self._asked(mailbox)
        said = reply.json()
        if reply.status == 200 and said.get("access_token"):
            valid = said.get("expires_in")
            seconds = valid if isinstance(valid, int) else EARLY
            return str(said["access_token"]), time.monotonic() + max(0, seconds - EARLY)
        if said.get("error") in REFUSALS and mailbox != self._options.mailbox:
            self.token(self._options.mailbox)  # raises where the account is refused as a whole
            raise NoPlace(_("The Workspace has no mailbox of this address, or it is switched off."))
        raise _refusal(reply)

    def _asked(self, mailbox: str) -> Reply:
        options = self._options
        form = {"grant_type": GRANT, "assertion": self._assertion(mailbox)}
        body = urlencode(form).encode("ascii")
        try:
            return https.call(https.Request(options.token_url, "POST", FORM, body, options.timeout))
        except OSError as error:
            raise Unavailable(_("The sign-in service cannot be reached."), detail=str(error)) from error

    def _assertion(self, mailbox: str) -> str:
        account, now = _account(self._secret), int(time.time())
        claims = {
            "iss": account.client_email,
            "sub": mailbox,
            "scope": SCOPE,
            "aud": self._options.token_url,
            "iat": now,
            "exp": now + SECONDS,
        }
        try:
            return jwt.encode(
                claims, account.private_key, algorithm="RS256", headers={"kid": account.private_key_id}
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _no_key_file() from None


def _account(secret: str) -> ServiceAccount:
    """Raises Unavailable where the secret is no key file."""
    try:
        said = json.loads(secret)
        return ServiceAccount(*(str(said[name]) for name in ServiceAccount._fields))
    except (ValueError, TypeError, KeyError):
        raise _no_key_file() from None


def _no_key_file() -> Unavailable:
    return Unavailable(_("The secret of the target is no key file of a service account (JSON)."))


def _refusal(reply: Reply) -> TargetError:
    """Google refuses the account as a whole, or does not work."""
    error = str(reply.json().get("error", ""))
    detail = f"{reply.status} {error if error.replace('_', '').isalnum() else ''}"
    if error == "unauthorized_client":
        words = _(
            "The service account may not act for persons of the Workspace. Allow it the scope"
            " gmail.settings.basic under domain-wide delegation."
        )
        return Unavailable(words, detail=detail)
    if reply.status in (400, 401):  # RFC 6749 5.2
        words = _(
            "Google does not accept the service account: its key was withdrawn, the clock of this machine is"
            " wrong, or the mailbox of the settings is not there."
        )
        return Unavailable(words, detail=detail)
    words = _("The sign-in service does not answer as it should.")
    return Unavailable(words, detail=detail, retry_after=reply.retry_after)
