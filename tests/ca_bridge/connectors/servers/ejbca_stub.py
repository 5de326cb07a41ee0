"""A stub of EJBCA's REST interface, after its published OpenAPI description; a process of its own.

It signs with the key of a TestCa. Whoever has the client certificate "officer" is its administrator. Orders
by the certificate profile `approved` wait for an approval; what people do on EJBCA's pages is done here by
POST /approvals/NUMBER/VERDICT.
"""

import base64
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca_bridge.connectors.servers import stub
from tests.ca_bridge.connectors.servers.stub import Route

Body = dict[str, Any]
API = "/ejbca/ejbca-rest-api"
CA_NAME, PROFILES, END_ENTITY_PROFILE = "Person CA", ("person", "approved"), "Persons"
OFFICER = "officer"
REASONS = {
    "UNSPECIFIED",
    "KEY_COMPROMISE",
    "CA_COMPROMISE",
    "AFFILIATION_CHANGED",
    "SUPERSEDED",
    "CESSATION_OF_OPERATION",
    "CERTIFICATE_HOLD",
    "REMOVE_FROM_CRL",
    "PRIVILEGES_WITHDRAWN",
    "AA_COMPROMISE",
}


class RefusalError(stub.RefusalError):
    """An error of EJBCA."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, {"error_code": status, "error_message": message})


class WaitingError(stub.RefusalError):
    """A WaitingForApprovalException."""

    def __init__(self, number: int) -> None:
        message = f"Request with Id '{number}' is still waiting for approval"
        link = f"https://localhost{API}/v1/certificate/{number}/finalize"
        super().__init__(202, {"status_code": 202, "info_message": message, "link": link})


@dataclass
class Entry:
    """A certificate in EJBCA's database."""

    username: str
    certificate: x509.Certificate
    reason: str = "NOT_REVOKED"


@dataclass
class Approval:
    """A request that people decide on."""

    username: str
    password: str
    csr: x509.CertificateSigningRequest
    verdict: str = ""


@dataclass
class Ejbca:
    """What EJBCA knows."""

    signer: stub.Signer
    entries: list[Entry] = field(default_factory=list)
    approvals: dict[int, Approval] = field(default_factory=dict)

    def issue(self, username: str, csr: x509.CertificateSigningRequest) -> Body:
        entry = Entry(username, self.signer.signed(csr))
        self.entries.append(entry)
        return enrolled(entry.certificate)

    def enrol(self, wanted: Body) -> Body:
        """POST /v1/certificate/pkcs10enroll"""
        if wanted["certificate_authority_name"] != CA_NAME:
            raise RefusalError(404, f"CA with name {wanted['certificate_authority_name']} doesn't exist")
        if wanted["end_entity_profile_name"] != END_ENTITY_PROFILE:
            raise RefusalError(404, f"End entity profile {wanted['end_entity_profile_name']} not found")
        if wanted["certificate_profile_name"] not in PROFILES:
            raise RefusalError(404, f"Certificate profile {wanted['certificate_profile_name']} not found")
        csr = loaded(wanted["certificate_request"])
        approval = Approval(wanted["username"], wanted["password"], csr)
        if wanted["certificate_profile_name"] == "approved" and not self._is_approved(approval.username):
            raise self._waiting(approval)
        chain = {"certificate_chain": [once(self.signer.certificate)]} if wanted.get("include_chain") else {}
        return self.issue(approval.username, csr) | chain

    def _is_approved(self, username: str) -> bool:
        return any(each.username == username and each.verdict for each in self.approvals.values())

    def _waiting(self, approval: Approval) -> stub.RefusalError:
        if any(each.username == approval.username for each in self.approvals.values()):
            return RefusalError(400, "Approval request already exists in database.")
        number = len(self.approvals) + 1
        self.approvals[number] = approval
        return WaitingError(number)

    def finalize(self, number: int, wanted: Body) -> Body:
        """POST /v1/certificate/NUMBER/finalize"""
        if (approval := self.approvals.get(number)) is None:
            raise RefusalError(400, f"Could not find request with Id '{number}'")
        if wanted.get("response_format") not in {"DER", "PEM"}:
            raise RefusalError(400, "Invalid parameter: response_format")
        if not approval.verdict:
            raise WaitingError(number)
        if approval.verdict != "approve":
            raise RefusalError(400, f"Request with Id '{number}' has {approval.verdict}")
        if wanted.get("password") != approval.password:
            raise RefusalError(403, "Got wrong username or password.")
        if any(each.username == approval.username for each in self.entries):
            raise RefusalError(400, f"Enrollment with Id '{number}' has already been finalized")
        return self.issue(approval.username, approval.csr)

    def search(self, wanted: Body) -> Body:
        """POST /v1/certificate/search: QUERY is compared with username and serial number."""
        criteria = wanted["criteria"]
        kept = [self._criterion(each["property"], each["operation"], each["value"]) for each in criteria]
        found = [entry for entry in self.entries if all(keeps(entry) for keeps in kept)]
        most = wanted["max_number_of_results"]
        shown = [searched(each.certificate) for each in found[:most]]
        return {"certificates": shown, "more_results": len(found) > most}

    def _criterion(self, name: str, operation: str, value: str) -> Callable[[Entry], bool]:
        """What a criterion of the published description keeps."""
        match name, operation:
            case "QUERY", "EQUAL":
                return lambda entry: value in {entry.username, serial(entry.certificate)}
            case "STATUS", "EQUAL":
                return lambda entry: entry.reason == "NOT_REVOKED"
            case "CA", "EQUAL" if value == CA_NAME:
                return lambda _entry: True
            case "ISSUED_DATE", "AFTER" if moment(value):
                return lambda entry: entry.certificate.not_valid_before_utc > moment(value)
            case "ISSUED_DATE", "BEFORE" if moment(value):
                return lambda entry: entry.certificate.not_valid_before_utc < moment(value)
        raise RefusalError(400, "Invalid search criteria.")

    def entry(self, issuer: str, number: str) -> Entry:
        """By the issuer's name, whatever the order of its parts, and the serial number in hexadecimal."""
        if parts_of(issuer) != parts_of(self.signer.certificate.subject.rfc4514_string()):
            raise RefusalError(404, f"CA '{issuer}' does not exist.")
        for each in self.entries:
            if each.certificate.serial_number == int(number, 16):
                return each
        raise RefusalError(
            404, f"Certificate with serial number '{number}' and issuer DN '{issuer}' was not found"
        )

    def status(self, entry: Entry) -> Body:
        return {
            "issuer_dn": entry.certificate.issuer.rfc4514_string(),
            "serial_number": serial(entry.certificate),
            "revocation_reason": entry.reason,
            "revoked": entry.reason != "NOT_REVOKED",
        }

    def revoke(self, entry: Entry, reason: str) -> Body:
        """PUT /v1/certificate/ISSUER/SERIAL/revoke"""
        if reason not in REASONS:
            raise RefusalError(400, "Invalid revocation reason.")
        held = entry.reason == "CERTIFICATE_HOLD"
        if (entry.reason != "NOT_REVOKED" and not held) or (held and reason == entry.reason):
            raise RefusalError(
                409,
                f"Certificate with issuer and serial number {serial(entry.certificate)} is already revoked.",
            )
        if reason == "REMOVE_FROM_CRL" and not held:
            raise RefusalError(400, "Certificate is not on hold.")
        entry.reason = "NOT_REVOKED" if reason == "REMOVE_FROM_CRL" else reason
        return self.status(entry) | {"message": "Successfully revoked"}


def loaded(request: str) -> x509.CertificateSigningRequest:
    try:
        return x509.load_pem_x509_csr(request.encode())
    except ValueError as error:
        raise RefusalError(400, "Unable to parse the certificate request.") from error


def once(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:X}"


def moment(value: str) -> datetime:
    """An ISO 8601 date, as the interface takes it."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        raise RefusalError(400, "Invalid search criteria.")
    return datetime.fromisoformat(value)


def parts_of(name: str) -> frozenset[str]:
    return frozenset(part.rfc4514_string() for part in x509.Name.from_rfc4514_string(name).rdns)


def enrolled(certificate: x509.Certificate) -> Body:
    return {"certificate": once(certificate), "serial_number": serial(certificate), "response_format": "DER"}


def searched(certificate: x509.Certificate) -> Body:
    twice = base64.b64encode(once(certificate).encode()).decode()  # as the search of EJBCA has it
    return enrolled(certificate) | {"certificate": twice, "certificate_profile": "person"}


class Rest(stub.Rest):
    """The paths of the interface."""

    ca: Ejbca

    def state(self) -> Body:
        return {"status": "OK", "version": "1.0", "revision": "EJBCA 9.3 stub"}

    def authorities(self) -> Body:
        """Those that the caller may use; none is no error."""
        return {"certificate_authorities": [{"name": CA_NAME}] if self.client() == OFFICER else []}

    def profile(self, name: str) -> Body:
        """GET /v2/endentity/profile/NAME, which Community does not have."""
        self._as_officer()
        if name != END_ENTITY_PROFILE:
            raise RefusalError(404, f"End entity profile {name} not found")
        return {
            "end_entity_profile_name": name,
            "subject_distinguished_name_fields": ["CN"],
            "subject_alternative_name_fields": ["RFC822NAME"],
            "available_certificate_profiles": list(PROFILES),
            "available_cas": [CA_NAME],
        }

    def enrol(self) -> Body:
        return self._as_officer().enrol(self._wanted())

    def search(self) -> Body:
        return self._as_officer().search(self._wanted())

    def finalize(self, number: str) -> Body:
        return self._as_officer().finalize(int(number), self._wanted())

    def status(self, issuer: str, number: str) -> Body:
        ejbca = self._as_officer()
        return ejbca.status(ejbca.entry(issuer, number))

    def revoke(self, issuer: str, number: str) -> Body:
        ejbca = self._as_officer()
        return ejbca.revoke(ejbca.entry(issuer, number), self.query["reason"])

    def decide(self, number: str, verdict: str) -> Body:
        self.ca.approvals[int(number)].verdict = verdict.replace("-", " ")
        return {}

    def _wanted(self) -> Body:
        return dict(json.loads(self.body()))

    def _as_officer(self) -> Ejbca:
        if self.client() != OFFICER:
            raise RefusalError(403, f"Administrator {self.client()} is not authorized to /ra_functionality.")
        return self.ca


ORDERS = f"{API}/v1/certificate"
CERTIFICATE = f"{ORDERS}/([^/]+)/([0-9a-fA-F]+)"
Rest.routes = (
    Route("GET", f"{ORDERS}/status", Rest.state),
    Route("GET", f"{API}/v1/ca", Rest.authorities),
    Route("GET", f"{API}/v2/endentity/profile/([^/]+)", Rest.profile),
    Route("POST", f"{ORDERS}/pkcs10enroll", Rest.enrol, 201),
    Route("POST", f"{ORDERS}/search", Rest.search),
    Route("POST", rf"{ORDERS}/(\d+)/finalize", Rest.finalize, 201),
    Route("GET", f"{CERTIFICATE}/revocationstatus", Rest.status),
    Route("PUT", f"{CERTIFICATE}/revoke", Rest.revoke),
    Route("POST", r"/approvals/(\d+)/([a-z-]+)", Rest.decide),
)


if __name__ == "__main__":
    stub.serve(Rest, lambda folder: Ejbca(stub.Signer(folder)), clients=ssl.CERT_REQUIRED)
