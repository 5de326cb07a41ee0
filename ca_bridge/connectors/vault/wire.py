"""What Vault and OpenBao understand: paths, tokens, and the fields of a signing request."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from ca_bridge.connectors.vault.options import VaultOptions
from ca_bridge.contract import CertificateOrder
from ca_bridge.errors import CaError
from ca_bridge.http import Http, Method, Reply, secret

UPN = "1.3.6.1.4.1.311.20.2.3"  # otherName of a user principal name
PASSING = {412, 429, 472, 473, 500, 502, 503, 504}  # standby, sealed, too many requests, trouble within
RENEWED_AT = 2 / 3  # of a token's life


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at: float  # monotonic seconds


class Vault:
    """Calls with a token that is fetched and renewed here. One instance serves all threads."""

    def __init__(self, options: VaultOptions) -> None:
        self._options = options
        self._http = Http(options)
        self._token: _Token | None = None
        self._lock = threading.Lock()

    def call(self, method: Method, path: str, *, data: Any = None, orders: bool = False) -> Reply:
        """Ask; where the token is not taken any more, once again with a new one: it was not carried out."""
        reply = self._http.call(method, path, data=data, headers=self._headers(), orders=orders)
        if reply.status == 403 and self._options.role_id:
            self._forget()
            reply = self._http.call(method, path, data=data, headers=self._headers(), orders=orders)
        return reply

    def open(self, path: str) -> Reply:
        """What Vault tells everybody."""
        return self._http.call("GET", path, headers=self._namespace())

    def _headers(self) -> dict[str, str]:
        return {"X-Vault-Token": self._present().value, **self._namespace()}

    def _namespace(self) -> dict[str, str]:
        return {"X-Vault-Namespace": self._options.namespace} if self._options.namespace else {}

    def _present(self) -> _Token:
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.renew_at:
                self._token = self._logged_in() if self._options.role_id else self._of_file()
            return self._token

    def _forget(self) -> None:
        with self._lock:
            self._token = None

    def _logged_in(self) -> _Token:
        data = {"role_id": self._options.role_id, "secret_id": secret(self._options.secret_id_file)}
        path = f"/v1/auth/{self._options.auth_mount}/login"
        reply = self._http.call("POST", path, data=data, headers=self._namespace())
        if not reply.ok:
            raise not_taken(reply)
        auth = _field(reply, "auth")
        return _Token(str(auth["client_token"]), _renewal(int(auth.get("lease_duration") or 0)))

    def _of_file(self) -> _Token:
        """The file is read anew each time, as an agent may replace it; a renewable token is renewed."""
        value = secret(self._options.token_file)
        headers = {"X-Vault-Token": value, **self._namespace()}
        reply = self._http.call("POST", "/v1/auth/token/renew-self", data={}, headers=headers)
        # A token that cannot be renewed (400) is used as it is: whether it counts says the next call.
        seconds = int(_field(reply, "auth").get("lease_duration") or 0) if reply.ok else 0
        return _Token(value, _renewal(seconds))


def _renewal(seconds: int) -> float:
    return time.monotonic() + max(seconds * RENEWED_AT, 10)


def _field(reply: Reply, name: str) -> dict[str, Any]:
    found = reply.json()
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, dict):
        raise reply.garbled(f"no {name}")
    return value


def data_of(reply: Reply) -> dict[str, Any]:
    """The field `data` of an answer."""
    return _field(reply, "data")


def errors_of(reply: Reply) -> str:
    """What Vault says in `errors`, for operators."""
    try:
        found = reply.json()
        return f"HTTP {reply.status}: {'; '.join(map(str, found['errors']))}"[:300]
    except Exception:  # noqa: BLE001 whatever it is, it is shown as it came
        return reply.said()


def not_taken(reply: Reply) -> CaError:
    """The credentials do not count, or Vault is in trouble: both pass, once an operator has mended it."""
    if reply.status in PASSING:
        return CaError(_("The certificate authority is out of service for now."), errors_of(reply))
    return CaError(_("The certificate authority does not take our credentials."), errors_of(reply))


def signing_request(order: CertificateOrder, *, verbatim: bool) -> dict[str, Any]:
    """The body for sign-verbatim/ROLE or sign/ROLE: the exact end, and for a role the names as approved."""
    csr = x509.load_der_x509_csr(order.csr).public_bytes(Encoding.PEM).decode()
    body = {
        "csr": csr,
        "format": "pem",
        "not_after": f"{order.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }
    if verbatim:
        # The CSR's own extensions decide; empty lists keep the engine from adding usages of its own.
        return body | {"key_usage": [], "ext_key_usage": []}
    names = order.content.subject_alt_names
    return body | {
        "common_name": dict(order.content.subject).get("commonName", ""),
        "exclude_cn_from_sans": True,
        "alt_names": ",".join(value for kind, value in names if kind == "email"),
        "uri_sans": ",".join(value for kind, value in names if kind == "uri"),
        "other_sans": ",".join(f"{UPN};utf8:{value}" for kind, value in names if kind == "upn"),
    }


def certificate_of(reply: Reply, data: dict[str, Any], name: str) -> bytes:
    """A field with a certificate in PEM, as DER."""
    try:
        return x509.load_pem_x509_certificate(str(data[name]).encode()).public_bytes(Encoding.DER)
    except (KeyError, ValueError) as error:
        raise reply.garbled(f"no certificate in {name}") from error


def chain_of(reply: Reply, data: dict[str, Any]) -> tuple[bytes, ...]:
    """The issuers that came with the certificate, nearest first."""
    try:
        found = [x509.load_pem_x509_certificate(str(each).encode()) for each in data.get("ca_chain") or ()]
    except ValueError as error:
        raise reply.garbled("no certificates in ca_chain") from error
    return tuple(each.public_bytes(Encoding.DER) for each in found)


def serial_of(certificate: bytes) -> str:
    """The serial number as Vault writes it: two lower-case hexadecimal digits for each octet, with colons."""
    number = x509.load_der_x509_certificate(certificate).serial_number
    octets = number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
    return ":".join(f"{octet:02x}" for octet in octets)
