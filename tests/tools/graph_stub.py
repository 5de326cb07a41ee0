"""Microsoft Graph's userPfxCertificates, and the sign-in of an app, as a stub on loopback.

It checks what Graph checks and says as little; it opens the passphrase with the connector's key, which the
real one cannot.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from identity_manager.targets.configuration import TargetConfiguration, parse
from tests.tools.http_server import Handler, serving

NAME, SECRET, CLIENT = "devices", "s3cret-of-the-app", "11111111-2222-3333-4444-555555555555"
PADDINGS = {"oaepSha256": hashes.SHA256(), "oaepSha384": hashes.SHA384(), "oaepSha512": hashes.SHA512()}
FIELDS = frozenset(
    {
        *("thumbprint", "intendedPurpose", "userPrincipalName", "startDateTime", "expirationDateTime"),
        *("providerName", "keyName", "paddingScheme", "encryptedPfxBlob", "encryptedPfxPassword"),
    }
)


@cache
def connector_key(number: int = 0) -> rsa.RSAPrivateKey:
    """The key of the Certificate Connector; another number, of another one."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Graph:
    """users: ids by principal name. held: PFX bodies by (user id, thumbprint), with the passphrase in clear.

    once: what the next POSTs do instead, one after the other: a status, "lost-before", "lost-after" or "cut".
    throttle: so many POSTs are let through in a window, then 429 with retry_after. lost_each: after each so
    many imports an answer is lost. app_works: whether its credential does. twice: imports of what was there.
    """

    NAME = NAME

    users: dict[str, str] = field(default_factory=dict)
    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    once: list[int | str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    posts: int = 0
    signed_in: int = 0
    reads: int | str = 0
    throttled: int = 0
    lost: int = 0
    twice: int = 0
    lost_each: int = 0
    throttle: int = 0
    retry_after: dict[str, str] = field(default_factory=lambda: {"Retry-After": "1"})
    window: float = 1.0
    app_works: bool = True
    certificate: bytes = b""
    key: rsa.RSAPrivateKey = field(default_factory=connector_key)
    port: int = 0
    _opened: float = 0.0
    _let_through: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_throttled(self) -> bool:
        if not self.throttle:
            return False
        now = time.monotonic()
        if now - self._opened > self.window:
            self._opened, self._let_through = now, 0
        self._let_through += 1
        is_too_much = self._let_through > self.throttle
        self.throttled += is_too_much
        return is_too_much

    def target(self, folder: Path, *, secret: str = SECRET, **options: Any) -> TargetConfiguration:
        """The tenant as a target, with the public key that its connector exports."""
        public = folder / "connector.pem"
        public.write_bytes(
            connector_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        given = {"tenant": "corp.example.com", "client_id": CLIENT, "public_key_file": str(public)}
        given |= {"graph_url": self.url, "login_url": self.url}
        return parse(NAME, {"kind": "intune", "name": "Intune", "options": given | options}, secret=secret)


@contextmanager
def running() -> Iterator[Graph]:
    graph = Graph()
    with serving(_Handler, graph=graph) as graph.port:
        yield graph


class _Handler(Handler):
    graph: Graph

    def _error(self, status: int, headers: dict[str, str] | None = None) -> None:
        said = {"error": {"code": "BadRequest", "message": "An error has occurred - uma@corp.example.com"}}
        self.answer(status, said, **(headers or {}))

    def _is_signed_in(self) -> bool:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.graph.tokens:
            self._error(401)
            return False
        return True

    def do_GET(self) -> None:
        if not self._is_signed_in():
            return
        if self.graph.reads:
            reads, self.graph.reads = self.graph.reads, 0
            if reads == "cut":
                self.answer(200, {"value": []}, cut=10)
            else:
                self._error(int(reads))
            return
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/v1.0/users/"):
            self._user(unquote(parts.path.removeprefix("/v1.0/users/")))
        elif parts.path == "/v1.0/users":
            self.answer(200, {"value": [{"id": each} for each in self.graph.users.values()][:1]})
        else:
            self.answer(200, {"value": self._found(query.get("$filter", ""))})

    def _user(self, wanted: str) -> None:
        for name, key in self.graph.users.items():
            if wanted.lower() in (name.lower(), key):
                self.answer(200, {"id": key, "userPrincipalName": name})
                return
        self._error(404)

    def _found(self, condition: str) -> list[dict[str, str]]:
        said = condition.replace("''", "\0").split("'")[1::2]
        rows = []
        for (user, thumbprint), body in self.graph.held.items():
            if not condition or said == [body["userPrincipalName"].lower().replace("'", "\0"), thumbprint]:
                rows.append({"id": f"{user}-{thumbprint}", "thumbprint": thumbprint.upper()})
        return rows

    def do_POST(self) -> None:
        body = self.body()
        if self.path.endswith("/oauth2/v2.0/token"):
            self._sign_in({name: values[0] for name, values in parse_qs(body.decode()).items()})
            return
        if not self._is_signed_in():
            return
        self.graph.posts += 1
        planned = self.graph.once.pop(0) if self.graph.once else ""
        if planned == "lost-before":
            self.close_connection = True
        elif isinstance(planned, int):
            self._error(planned, self.graph.retry_after if planned in (429, 503) else None)
        elif self.graph.is_throttled():
            self._error(429, self.graph.retry_after)
        else:
            self._answer_import(self._import(json.loads(body)), planned)

    def _answer_import(self, status: int, planned: str) -> None:
        each = self.graph.lost_each
        is_lost = status == 201 and each and len(self.graph.held) % each == 0
        self.graph.lost += bool(is_lost)
        self.graph.twice += status == 409
        if planned == "lost-after" or is_lost:
            self.close_connection = True
        elif planned == "cut":
            self.answer(status, {}, cut=10)
        elif status == 201:
            self.answer(201, {"id": "x"})
        else:
            self._error(status)

    def _sign_in(self, form: dict[str, str]) -> None:
        if not self.graph.app_works or not self._is_app(form):
            self.answer(401, {"error": "invalid_client", "error_description": SECRET})
            return
        self.graph.signed_in += 1
        token = f"token-{self.graph.signed_in}-of-graph"
        self.graph.tokens.add(token)
        self.answer(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _is_app(self, form: dict[str, str]) -> bool:
        if form["client_id"] != CLIENT or form["grant_type"] != "client_credentials":
            return False
        if not self.graph.certificate:
            return form.get("client_secret") == SECRET
        certificate = x509.load_der_x509_certificate(self.graph.certificate)
        audience = f"{self.graph.url}{self.path}"
        key = cast("rsa.RSAPublicKey", certificate.public_key())
        try:
            claims = jwt.decode(form["client_assertion"], key, algorithms=["PS256"], audience=audience)
        except jwt.PyJWTError:
            return False
        header = jwt.get_unverified_header(form["client_assertion"])
        print_of = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
        return bool(claims["sub"] == CLIENT and header["x5t#S256"] == print_of)

    def _import(self, body: dict[str, Any]) -> int:
        """The status: 201, 400 without a reason, or 409."""
        user = self.graph.users.get(body.get("userPrincipalName", ""))
        if set(body) != FIELDS or user is None or body["paddingScheme"] not in PADDINGS:
            return 400
        digest = PADDINGS[body["paddingScheme"]]
        pad = padding.OAEP(padding.MGF1(digest), digest, None)
        try:
            password = self.graph.key.decrypt(base64.b64decode(body["encryptedPfxPassword"]), pad)
            blob = base64.b64decode(body["encryptedPfxBlob"])
            _key, certificate, _chain = pkcs12.load_key_and_certificates(blob, password)
        except ValueError:
            return 400
        if certificate is None or certificate.fingerprint(hashes.SHA1()).hex() != body["thumbprint"]:  # noqa: S303 as Windows names them
            return 400
        if (user, body["thumbprint"]) in self.graph.held:
            return 409
        self.graph.held[(user, body["thumbprint"])] = body | {"password": password.decode()}
        return 201
