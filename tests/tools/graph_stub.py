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
from urllib.parse import unquote, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from identity_manager.targets.configuration import TargetConfiguration, parse
from tests.tools.http_server import Service, ServiceHandler, first_values, serving

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
class Graph(Service):
    """users: ids by principal name. held: PFX bodies by (user id, thumbprint), with the passphrase in clear.

    Its calls are token, read and import. throttle: so many imports are let through in a window, then 429.
    lost_each: after each so many imports an answer is lost. app_works: whether its credential does. twice:
    imports of what was there.
    """

    NAME = NAME

    users: dict[str, str] = field(default_factory=dict)
    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    throttled: int = 0
    lost: int = 0
    twice: int = 0
    lost_each: int = 0
    throttle: int = 0
    window: float = 1.0
    app_works: bool = True
    certificate: bytes = b""
    key: rsa.RSAPrivateKey = field(default_factory=connector_key)
    _opened: float = 0.0
    _let_through: int = 0

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
    with serving(_Handler, service=graph) as graph.port:
        yield graph


class _Handler(ServiceHandler):
    service: Graph

    def error(self, status: int, _reason: str = "") -> None:
        text = "An error has occurred - uma@corp.example.com"
        self.say(status, {"error": {"code": "BadRequest", "message": text}})

    def _is_signed_in(self) -> bool:
        if self.bearer():
            return True
        self.error(401)
        return False

    def do_GET(self) -> None:
        if self._is_signed_in():
            self.act("read", self._read)

    def _read(self) -> tuple[int, Any]:
        parts = urlsplit(self.path)
        if parts.path.startswith("/v1.0/users/"):
            return self._user(unquote(parts.path.removeprefix("/v1.0/users/")))
        if parts.path == "/v1.0/users":
            return 200, {"value": [{"id": each} for each in self.service.users.values()][:1]}
        return 200, {"value": self._found(first_values(parts.query).get("$filter", ""))}

    def _user(self, wanted: str) -> tuple[int, Any]:
        for name, key in self.service.users.items():
            if wanted.lower() in (name.lower(), key):
                return 200, {"id": key, "userPrincipalName": name}
        return 404, ""

    def _found(self, condition: str) -> list[dict[str, str]]:
        said = condition.replace("''", "\0").split("'")[1::2]
        rows = []
        for (user, thumbprint), body in self.service.held.items():
            if not condition or said == [body["userPrincipalName"].lower().replace("'", "\0"), thumbprint]:
                rows.append({"id": f"{user}-{thumbprint}", "thumbprint": thumbprint.upper()})
        return rows

    def do_POST(self) -> None:
        body = self.body()
        if self.path.endswith("/oauth2/v2.0/token"):
            self.act("token", lambda: self._sign_in(first_values(body.decode())))
        elif self._is_signed_in():
            self.act("import", lambda: self._answer_import(json.loads(body)))

    def _answer_import(self, body: dict[str, Any]) -> tuple[int, Any] | None:
        if self.service.is_throttled():
            return 429, ""
        status = self._import(body)
        self.service.twice += status == 409
        if status != 201:
            return status, ""
        each = self.service.lost_each
        if each and len(self.service.held) % each == 0:
            self.service.lost += 1
            return None
        return 201, {"id": "x"}

    def _sign_in(self, form: dict[str, str]) -> tuple[int, Any]:
        if not self.service.app_works or not self._is_app(form):
            return 401, {"error": "invalid_client", "error_description": SECRET}
        token = f"token-{self.service.called('token')}-of-graph"
        self.service.tokens[token] = CLIENT
        return 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def _is_app(self, form: dict[str, str]) -> bool:
        if form["client_id"] != CLIENT or form["grant_type"] != "client_credentials":
            return False
        if not self.service.certificate:
            return form.get("client_secret") == SECRET
        certificate = x509.load_der_x509_certificate(self.service.certificate)
        audience = f"{self.service.url}{self.path}"
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
        user = self.service.users.get(body.get("userPrincipalName", ""))
        if set(body) != FIELDS or user is None or body["paddingScheme"] not in PADDINGS:
            return 400
        digest = PADDINGS[body["paddingScheme"]]
        pad = padding.OAEP(padding.MGF1(digest), digest, None)
        try:
            password = self.service.key.decrypt(base64.b64decode(body["encryptedPfxPassword"]), pad)
            blob = base64.b64decode(body["encryptedPfxBlob"])
            _key, certificate, _chain = pkcs12.load_key_and_certificates(blob, password)
        except ValueError:
            return 400
        if certificate is None or certificate.fingerprint(hashes.SHA1()).hex() != body["thumbprint"]:  # noqa: S303 as Windows names them
            return 400
        if (user, body["thumbprint"]) in self.service.held:
            return 409
        self.service.held[(user, body["thumbprint"])] = body | {"password": password.decode()}
        return 201
