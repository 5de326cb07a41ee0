"""Gmail's sendAs.smimeInfo, and Google's tokens for a service account, as a stub on loopback.

It checks what Google says that it checks, and answers with as few words. A mailbox keeps what was inserted:
nothing is overwritten, one of the certificates is the default.
"""

import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from django.utils import timezone

from identity_manager.targets.configuration import TargetConfiguration, parse
from tests.tools.http_server import Service, ServiceHandler, first_values, serving
from tests.tools.x509 import key_pem

NAME, ACCOUNT = "gmail", "identity-manager@project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/gmail.settings.basic"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MAILBOX = "test@corp.example.com"
MAILBOXES = "/gmail/v1/users/me/settings/sendAs"


@cache
def account_key(number: int = 0) -> rsa.RSAPrivateKey:
    """The key of the service account; another number, of another one."""
    return rsa.generate_private_key(65537, 2048)


def key_file(key: rsa.RSAPrivateKey) -> str:
    """As Google makes it for the account."""
    pem = key_pem(key).decode()
    said = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "key-1", "private_key": pem}
    return json.dumps(said | {"token_uri": "https://elsewhere.example.com/token"})


@dataclass
class Mailbox:
    """held: what `list` shows, oldest first, with the container and its passphrase. hidden: it shows none."""

    address: str
    aliases: Sequence[str] = ()
    held: list[dict[str, Any]] = field(default_factory=list)
    is_smime_on: bool = True
    hidden: bool = False

    def default(self) -> dict[str, Any] | None:
        return next((each for each in self.held if each["isDefault"]), None)


@dataclass
class Gmail(Service):
    """trusted: the roots of the Admin console (DER).

    Its calls are token, sendAs, list, insert, setDefault and delete. twice: inserts of what was there.
    """

    mailboxes: list[Mailbox] = field(default_factory=list)
    trusted: list[bytes] = field(default_factory=list)
    account_works: bool = True
    is_delegated: bool = True
    key: rsa.RSAPrivateKey = field(default_factory=account_key)
    made: int = 0
    twice: int = 0

    def mailbox(self, address: str) -> Mailbox | None:
        wanted = address.lower()
        return next(
            (each for each in self.mailboxes if wanted in (each.address.lower(), *each.aliases)), None
        )

    def target(self, folder: Path, *, secret: str = "", **options: Any) -> TargetConfiguration:
        """The Workspace as a target, with the roots of its Admin console."""
        roots = folder / "roots.pem"
        pem = [x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM) for root in self.trusted]
        roots.write_bytes(b"".join(pem))
        given = {"mailbox": MAILBOX, "roots_file": str(roots)}
        given |= {"api_url": self.url, "token_url": f"{self.url}/token"}
        entry = {"kind": "gmail", "name": "Gmail", "options": given | options}
        return parse(NAME, entry, secret=secret or key_file(account_key()))


@contextmanager
def running() -> Iterator[Gmail]:
    gmail = Gmail(mailboxes=[Mailbox(MAILBOX)])
    with serving(_Handler, service=gmail) as gmail.port:
        yield gmail


class _Handler(ServiceHandler):
    service: Gmail

    def error(self, status: int, reason: str = "") -> None:
        text = "It has failed for uma@corp.example.com"
        errors = [{"message": text, "domain": "global", "reason": reason}]
        self.say(status, {"error": {"code": status, "message": text, "errors": errors}})

    def _mailbox(self) -> Mailbox | None:
        """Of the token; None, with an answer, where there is none."""
        mailbox = self.service.mailbox(self.bearer())
        if mailbox is None:
            self.error(401, "authError")
        return mailbox

    def do_GET(self) -> None:
        mailbox = self._mailbox()
        if mailbox is None:
            return
        if self.path == MAILBOXES:
            self.act("sendAs", lambda: (200, {"sendAs": _addresses(mailbox)}))
        else:
            self.act("list", lambda: self._list(mailbox))

    def _list(self, mailbox: Mailbox) -> tuple[int, Any]:
        if self.path != f"{MAILBOXES}/{_quoted(mailbox.address)}/smimeInfo":
            return 404, "notFound"
        if not mailbox.is_smime_on:
            return 403, "forbidden"
        public = ("id", "issuerCn", "isDefault", "expiration", "pem")
        shown = [] if mailbox.hidden else mailbox.held
        return 200, {"smimeInfo": [{name: each[name] for name in public} for each in shown]} if shown else {}

    def do_DELETE(self) -> None:
        self.act("delete", lambda: (204, None))

    def do_POST(self) -> None:
        body = self.body()
        if self.path == "/token":
            self.act("token", lambda: self._sign_in(first_values(body.decode())))
            return
        mailbox = self._mailbox()
        if mailbox is None:
            return
        if self.path.endswith("/setDefault"):
            self.act("setDefault", lambda: self._set_default(mailbox, unquote(self.path.split("/")[-2])))
        else:
            self.act("insert", lambda: self._insert(mailbox, json.loads(body)))

    def _set_default(self, mailbox: Mailbox, key: str) -> tuple[int, Any]:
        if key not in [each["id"] for each in mailbox.held]:
            return 404, "notFound"
        for each in mailbox.held:
            each["isDefault"] = each["id"] == key
        return 204, None

    def _insert(self, mailbox: Mailbox, body: dict[str, Any]) -> tuple[int, Any]:
        """200, 400 without a reason, 403, 404 or 409."""
        if self.path != f"{MAILBOXES}/{_quoted(mailbox.address)}/smimeInfo":
            return 404, "notFound"
        if not mailbox.is_smime_on:
            return 403, "forbidden"
        if set(body) != {"pkcs12", "encryptedKeyPassword"}:
            return 400, "invalidArgument"
        try:
            container = base64.urlsafe_b64decode(body["pkcs12"])
            password = body["encryptedKeyPassword"].encode()
            key, certificate, chain = pkcs12.load_key_and_certificates(container, password)
        except ValueError:
            return 400, "invalidArgument"
        if key is None or certificate is None or not self._is_fit(certificate, chain, mailbox.address):
            return 400, "invalidArgument"
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *chain)).decode()
        if pem in [each["pem"] for each in mailbox.held]:
            self.service.twice += 1
            return 409, "alreadyExists"
        self.service.made += 1
        entry = {"id": f"ANe1Bm/{self.service.made}", "issuerCn": "CA", "isDefault": False, "pem": pem}
        entry |= {"expiration": str(int(certificate.not_valid_after_utc.timestamp() * 1000))}
        mailbox.held.append(entry | {"container": container, "password": body["encryptedKeyPassword"]})
        return 200, {"id": "of nobody", "isDefault": True, "pem": "not as in the list"}

    def _is_fit(self, certificate: x509.Certificate, chain: Sequence[x509.Certificate], address: str) -> bool:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = [each.lower() for each in names.get_values_for_type(x509.RFC822Name)]
        trusted = [x509.load_der_x509_certificate(root) for root in self.service.trusted]
        is_anchored = bool(chain) and chain[-1].issuer in [root.subject for root in trusted]
        is_valid = certificate.not_valid_before_utc <= timezone.now() < certificate.not_valid_after_utc
        return address.lower() in addresses and is_anchored and is_valid

    def _sign_in(self, form: dict[str, str]) -> tuple[int, Any]:
        if not self.service.account_works or form["grant_type"] != GRANT:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        try:
            claims = jwt.decode(
                form["assertion"],
                self.service.key.public_key(),
                algorithms=["RS256"],
                audience=f"{self.service.url}/token",
                issuer=ACCOUNT,
            )
        except jwt.PyJWTError:
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        if not self.service.is_delegated or claims["scope"] != SCOPE or claims["exp"] > time.time() + 3600:
            return 401, {"error": "unauthorized_client", "error_description": "Client is unauthorized"}
        if self.service.mailbox(claims["sub"]) is None:
            return 400, {"error": "invalid_grant", "error_description": "Invalid email or User ID"}
        token = f"ya29.{len(self.service.tokens)}-token-of-google"
        self.service.tokens[token] = claims["sub"]
        return 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}


def _addresses(mailbox: Mailbox) -> list[dict[str, Any]]:
    others = [{"sendAsEmail": each, "isPrimary": False} for each in mailbox.aliases]
    return [*others, {"sendAsEmail": mailbox.address, "isPrimary": True}]


def _quoted(address: str) -> str:
    return address.replace("@", "%40")
