"""Requests to Vault and OpenBao and their answers: tokens, signing requests, lists."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from ca_bridge.connection.http import LONGEST_ANSWER, Http, Method, secret
from ca_bridge.connection.reply import SAID, Reply
from ca_bridge.connectors.vault.options import VaultOptions
from ca_bridge.contract import UPN, CertificateOrder
from ca_bridge.errors import CaError
from ca_bridge.x509 import der

PASSING = {412, 429, 472, 473, 500, 502, 503, 504}  # standby, sealed, too many requests, trouble within
PAGE = 500  # serial numbers in one page of a list
RENEWED_AT = 2 / 3  # fraction of a token's lifetime


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at: float  # monotonic seconds


class Vault:
    """Authenticated calls; fetches and renews its token. Thread-safe."""

    def __init__(self, options: VaultOptions, *, longest: int = LONGEST_ANSWER) -> None:
        self._options = options
        self._http = Http(options, longest=longest)
        self._token: _Token | None = None
        self._lock = threading.Lock()

    def call(self, method: Method, path: str, *, data: Any = None, orders: bool = False) -> Reply:
        """Call with the token; once more with a new one where it was refused, as nothing was done then."""
        reply = self._http.call(method, path, data=data, headers=self._headers(), orders=orders)
        if reply.status == 403:
            self._forget()
            reply = self._http.call(method, path, data=data, headers=self._headers(), orders=orders)
        return reply

    def open(self, path: str) -> Reply:
        """Call an endpoint that needs no token."""
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
        with reply.reading("token"):
            return _Token(str(_field(reply, "auth")["client_token"]), _renewal(reply))

    def _of_file(self) -> _Token:
        """The token of the file, read anew each time as an agent may replace it; renewed where it can be."""
        value = secret(self._options.token_file)
        headers = {"X-Vault-Token": value, **self._namespace()}
        reply = self._http.call("POST", "/v1/auth/token/renew-self", data={}, headers=headers)
        # A token that cannot be renewed (400) is used as it is; the next call shows whether it is valid.
        return _Token(value, _renewal(reply))


def _renewal(reply: Reply) -> float:
    with reply.reading("lease_duration"):
        seconds = int(_field(reply, "auth").get("lease_duration") or 0) if reply.ok else 0
        return time.monotonic() + max(seconds * RENEWED_AT, 10)


def _field(reply: Reply, name: str) -> dict[str, Any]:
    value = reply.fields().get(name)
    if not isinstance(value, dict):
        raise reply.garbled(f"no {name}")
    return value


def data_of(reply: Reply) -> dict[str, Any]:
    """The field `data` of an answer."""
    return _field(reply, "data")


def keys_of(reply: Reply) -> list[str]:
    """The keys of a list."""
    with reply.reading("list of keys"):
        return [str(name) for name in data_of(reply)["keys"]]


def errors_of(reply: Reply) -> str:
    """The field `errors`, for operators."""
    found = reply.fields_if_any().get("errors")
    return (
        f"HTTP {reply.status}: {'; '.join(map(str, found))}"[:SAID]
        if isinstance(found, list)
        else reply.said()
    )


def not_taken(reply: Reply) -> CaError:
    """A transient CaError: the credentials were refused, or the server is unavailable."""
    found = CaError.out_of_service if reply.status in PASSING else CaError.credentials
    return found(errors_of(reply))


def signing_request(order: CertificateOrder, *, verbatim: bool) -> dict[str, Any]:
    """The body for sign-verbatim/ROLE or sign/ROLE: the exact end, and for a role the approved names."""
    body = {
        "csr": order.csr_pem,
        "format": "pem",
        "not_after": f"{order.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }
    if verbatim:
        # The CSR's extensions are used; empty lists prevent the engine's default usages.
        return body | {"key_usage": [], "ext_key_usage": []}
    names = order.content.subject_alt_names
    return body | {
        "common_name": dict(order.content.subject).get("commonName", ""),
        "exclude_cn_from_sans": True,
        "alt_names": ",".join(value for kind, value in names if kind == "email"),
        # As lists: a comma-separated string would split a value with a comma, as the URI of a SID has.
        "uri_sans": [value for kind, value in names if kind == "uri"],
        "other_sans": [f"{UPN};utf8:{value}" for kind, value in names if kind == "upn"],
    }


def certificate_of(reply: Reply, data: dict[str, Any], name: str) -> bytes:
    """A PEM field, as DER."""
    with reply.reading(f"certificate in {name}"):
        return der.of_pem(data[name])


def chain_of(reply: Reply, data: dict[str, Any]) -> tuple[bytes, ...]:
    """The issuers in the answer, nearest first."""
    with reply.reading("certificates in ca_chain"):
        return tuple(der.of_pem(each) for each in data.get("ca_chain") or ())


def serial_of(certificate: bytes) -> str:
    """The serial number of a certificate as Vault writes it."""
    return serial_words(x509.load_der_x509_certificate(certificate).serial_number)


def serial_words(number: int) -> str:
    """A serial number as lower-case hexadecimal octets separated by colons."""
    octets = number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
    return octets.hex(":")


def number_of(words: str) -> int:
    """The number of a serial in a list, written with colons or, in some versions, hyphens."""
    return int(words.replace(":", "").replace("-", ""), 16)
