"""A stub of Sectigo Certificate Manager, after its published REST API (25.5); a process of its own.

It signs with the key of a TestCa. Orders by the certificate profile `approved` wait; what people do at
Sectigo (issue, reject, revoke) is done here by POST /orders/NUMBER/DEED. Lists have no comments of their
certificates after POST /comments/off, until /comments/on.
"""

import json
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from tests.ca_bridge.connectors.servers import stub
from tests.ca_bridge.connectors.servers.stub import RefusalError, Route

Body = dict[str, Any]
API = "/api"
CLIENT, SECRET, TOKEN = "identity-manager", "a secret of the tests", "a token of the tests"
LOGIN, PASSWORD, CUSTOMER = "officer", "a password of the tests", "example"
ORGANISATION, FIELD = 4711, "cost centre"
PRODUCTS = {
    "person": {"id": 15702, "terms": [1, 364, 365, 730]},
    "approved": {"id": 15703, "terms": [364]},
}


class ScmError(RefusalError):
    """An error of SCM: HTTP status, code, description."""

    def __init__(self, code: int, description: str, status: int = 400) -> None:
        super().__init__(status, {"code": code, "description": description})


@dataclass
class Order:
    """An order: state as SCM calls it."""

    number: int
    wanted: Body
    state: str = "applied"
    certificate: x509.Certificate | None = None

    def shown(self, *, comments: bool) -> Body:
        """As a list shows it."""
        serial = self.certificate.serial_number if self.certificate else 0
        octets = serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big")
        return {
            "id": self.number,
            "state": self.state,
            "certificateDetails": {},
            "serialNumber": octets.hex(":").upper() if serial else "",
            "orderNumber": self.number,
            "backendCertId": str(self.number),
        } | ({"comments": self.wanted.get("comments", "")} if comments else {})


@dataclass
class Scm:
    """What SCM knows. comments: whether its lists have them; older versions have not."""

    signer: stub.Signer
    orders: dict[int, Order] = field(default_factory=dict)
    comments: bool = True

    def enroll(self, wanted: Body) -> Body:
        """POST /smime/v1/enroll"""
        if wanted["orgId"] != ORGANISATION:
            raise ScmError(-9, "You are not authorized to order for this organization.")
        name = next((each for each, made in PRODUCTS.items() if made["id"] == wanted["certType"]), None)
        if name is None or wanted["term"] not in PRODUCTS[name]["terms"]:
            raise ScmError(-12, "The certificate profile, or its term, is not valid.")
        if [each["name"] for each in wanted.get("customFields") or ()] != [FIELD]:
            raise ScmError(-13, f"The custom field {FIELD} is mandatory.")
        csr = x509.load_pem_x509_csr(wanted["csr"].encode())
        if (wrong := _difference(wanted, csr)) is not None:
            raise ScmError(-14, wrong)
        order = Order(100_000 + len(self.orders), wanted)
        self.orders[order.number] = order
        if name == "person":
            self.decide(order.number, "issue")
        return {"orderNumber": order.number, "backendCertId": str(order.number)}

    def decide(self, number: int, deed: str) -> None:
        """What Sectigo's people do: issue, reject, revoke."""
        order = self.orders[number]
        if deed == "issue":
            csr = x509.load_pem_x509_csr(order.wanted["csr"].encode())
            day = datetime.now(UTC).date() + timedelta(days=order.wanted["term"])
            order.certificate = self.signer.signed(csr, datetime.combine(day, time(23, 59, 59), UTC))
        order.state = {"issue": "issued", "reject": "rejected", "revoke": "revoked"}[deed]

    def collect(self, number: str) -> bytes:
        """GET /smime/v1/collect/NUMBER"""
        order = self.orders.get(int(number))
        if order is None:
            raise ScmError(-20, "The certificate was not found.", 404)
        if order.state == "revoked":
            raise ScmError(-192, "The Certificate has been revoked!")
        if order.certificate is None:
            raise ScmError(-183, "Certificate is not collectable.")
        return pkcs7.serialize_certificates([order.certificate, self.signer.certificate], Encoding.PEM)

    def of_serial(self, words: str) -> list[Order]:
        return [each for each in self.orders.values() if each.shown(comments=False)["serialNumber"] == words]

    def of_person(self, address: str) -> list[Order]:
        return [each for each in self.orders.values() if each.wanted["email"] == address]

    def revoke(self, found: list[Order], wanted: Body) -> None:
        """POST /smime/v1/revoke and so on"""
        if wanted.get("reasonCode", 0) not in (0, 1, 3, 4, 5) or not wanted.get("reason"):
            raise ScmError(-15, "The reason is not valid.")
        if not found:
            raise ScmError(-20, "The certificate was not found.", 404)
        for order in found:
            if order.state == "revoked" and len(found) == 1:
                raise ScmError(-102, "The certificate is revoked already.")
            order.state = "revoked"


def _difference(wanted: Body, csr: x509.CertificateSigningRequest) -> str | None:
    """What an order says otherwise than its request: SCM takes the order's fields."""
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if [wanted["email"], *wanted["secondaryEmails"]] != names.get_values_for_type(x509.RFC822Name):
        return "The e-mail addresses are not valid."
    for field_name, oid in (("firstName", NameOID.GIVEN_NAME), ("lastName", NameOID.SURNAME)):
        if [wanted[field_name]] != [str(each.value) for each in csr.subject.get_attributes_for_oid(oid)]:
            return f"{field_name} is not valid."
    return None


class Rest(stub.Rest):
    """The paths of the interface."""

    ca: Scm

    def token(self) -> Body:
        """RFC 6749 4.4, as Keycloak answers it."""
        form = dict(parse_qsl(self.body().decode()))
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        if form != wanted:
            raise RefusalError(401, {"error": "invalid_client"})  # RFC 6749 5.2
        return {"access_token": TOKEN, "expires_in": 300, "token_type": "Bearer"}

    def types(self) -> list[Body]:
        self._signed_in()
        if self.query.get("organizationId", str(ORGANISATION)) != str(ORGANISATION):
            return []
        return [{"name": name, "description": "", "keyTypes": {}, **each} for name, each in PRODUCTS.items()]

    def custom_fields(self) -> list[Body]:
        self._signed_in()
        return [{"id": 57, "name": FIELD, "mandatory": True}]

    def enroll(self) -> Body:
        return self._signed_in().enroll(json.loads(self.body()))

    def collect(self, number: str) -> bytes:
        return self._signed_in().collect(number)

    def of_person(self, address: str) -> list[Body]:
        scm = self._signed_in()
        return [each.shown(comments=scm.comments) for each in scm.of_person(address)]

    def listed(self) -> list[Body]:
        scm = self._signed_in()
        return [each.shown(comments=scm.comments) for each in scm.of_serial(self.query["serialNumber"])]

    def revoke_serial(self, words: str) -> None:
        scm = self._signed_in()
        scm.revoke(scm.of_serial(words), json.loads(self.body()))

    def revoke_order(self, number: str) -> None:
        self._signed_in().revoke([self.ca.orders[int(number)]], json.loads(self.body()))

    def revoke_person(self) -> None:
        wanted = json.loads(self.body())
        scm = self._signed_in()
        scm.revoke(scm.of_person(wanted["email"]), wanted)

    def domains(self) -> list[Body]:
        """GET /dcv/v1/validation"""
        self._signed_in()
        return [
            {"domain": "example.com", "dcvStatus": "VALIDATED", "expires": "2027-10-01"},
            {"domain": "example.org", "dcvStatus": "NOT_VALIDATED", "orderStatus": "SUBMITTED"},
        ]

    def organisation(self, number: str) -> list[Body]:
        """GET /organization/v2/NUMBER/validations"""
        self._signed_in()
        if number != str(ORGANISATION):
            raise ScmError(-9, "You are not authorized.", 403)
        return [
            {"id": 1, "type": "EMAIL", "status": "EXPIRED", "expires": "2025-01-01"},
            {"id": 2, "type": "OV", "status": "VALIDATED", "expires": "2028-02-01"},
        ]

    def decide(self, number: str, deed: str) -> Body:
        self.ca.decide(int(number), deed)
        return {}

    def comments(self, told: str) -> Body:
        self.ca.comments = told == "on"
        return {}

    def _signed_in(self) -> Scm:
        by_password = [self.headers.get(each) for each in ("login", "password", "customerUri")]
        if self.headers.get("Authorization") == f"Bearer {TOKEN}" or by_password == [
            LOGIN,
            PASSWORD,
            CUSTOMER,
        ]:
            return self.ca
        raise ScmError(-16, "Unknown user", 401)


SMIME = f"{API}/smime/v[12]"
Rest.routes = (
    Route("POST", "/token", Rest.token),
    Route("GET", f"{SMIME}/types", Rest.types),
    Route("GET", f"{SMIME}/customFields", Rest.custom_fields),
    Route("POST", f"{SMIME}/enroll", Rest.enroll),
    Route("GET", rf"{SMIME}/collect/(\d+)", Rest.collect),
    Route("GET", f"{API}/smime/v2/byPersonEmail/([^/]+)", Rest.of_person),
    Route("GET", f"{API}/smime/v2", Rest.listed),
    Route("POST", f"{SMIME}/revoke/serial/([^/]+)", Rest.revoke_serial),
    Route("GET", f"{API}/dcv/v1/validation", Rest.domains),
    Route("GET", rf"{API}/organization/v2/(\d+)/validations", Rest.organisation),
    Route("POST", rf"{SMIME}/revoke/order/(\d+)", Rest.revoke_order),
    Route("POST", f"{SMIME}/revoke", Rest.revoke_person),
    Route("POST", r"/orders/(\d+)/([a-z]+)", Rest.decide),
    Route("POST", r"/comments/([a-z]+)", Rest.comments),
)


if __name__ == "__main__":
    stub.serve(Rest, lambda folder: Scm(stub.Signer(folder)), clients=ssl.CERT_NONE)
