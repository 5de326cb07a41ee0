"""A stub of HARICA's CertManager, after its published description of API keys; a process of its own.

It signs with the key of a TestCa. What HARICA writes otherwise than was ordered is told by POST /next/TWIST,
for the next order alone.
"""

import csv
import io
import ssl
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from tests.ca_bridge.connectors.servers import stub
from tests.tools.x509 import named

API = ""
KEY, ORGANISATION = "a key of the tests", "c0ffee00-1111-2222-3333-444455556666"
COLUMNS = [
    *("FriendlyName", "Email", "Email2", "Email3", "GivenName", "Surname"),
    *("PickupPassword", "CertType", "CSR"),
]
PRODUCTS = ("email_only", "natural_legal_lcp")
ERRORS = {
    "json": (200, {"message": "The domain is not validated."}),
    "error": (500, {"message": "An error occurred."}),
}


class RowError(Exception):
    """What HARICA says of a row that it does not take."""


def row_of(table: bytes) -> dict[str, str]:
    """The one row of the file. Raises RowError."""
    reader = csv.DictReader(io.StringIO(table.decode()))
    rows = list(reader)
    if reader.fieldnames != COLUMNS or len(rows) != 1:
        raise RowError("The file must have the columns of the template, and a row.")
    if rows[0]["CertType"] not in PRODUCTS:
        raise RowError("CertType is not valid.")
    return rows[0]


def csr_of(row: dict[str, str]) -> x509.CertificateSigningRequest:
    """The request of a row, whose names must be those of the row. Raises RowError."""
    csr = x509.load_pem_x509_csr(row["CSR"].encode())
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.RFC822Name)
    if [each for each in (row["Email"], row["Email2"], row["Email3"]) if each] != addresses:
        raise RowError("Email is not valid.")
    told = (row["GivenName"], row["Surname"]) if row["CertType"] == "natural_legal_lcp" else ("", "")
    if told != (_first(csr, NameOID.GIVEN_NAME), _first(csr, NameOID.SURNAME)) and any(told):
        raise RowError("GivenName and Surname are not valid.")
    return csr


def _first(csr: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> str:
    found = csr.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def twisted(csr: x509.CertificateSigningRequest, twist: str) -> x509.CertificateSigningRequest:
    """Another request, signed by another key: what a CA would write that mixes people up."""
    builder = x509.CertificateSigningRequestBuilder(
        named("Somebody Else") if twist == "other-name" else csr.subject
    )
    for each in csr.extensions:
        value: Any = each.value
        if each.oid == x509.SubjectAlternativeName.oid and twist == "other-address":
            value = x509.SubjectAlternativeName([x509.RFC822Name("somebody.else@example.com")])
        builder = builder.add_extension(value, critical=each.critical)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())


class Site(stub.Handler):
    """The paths of the interface."""

    ca: stub.Signer
    twists: ClassVar[list[str]] = []

    def route(self) -> None:
        form = self.multipart() if self.command == "POST" else {}
        if self.path.startswith("/next/"):
            self.twists.append(self.path.removeprefix("/next/"))
            self.answer(200, {})
        elif self.headers.get("X-API-Key") != KEY:
            self.answer(401, {"message": "Unauthorized"})
        elif (self.command, self.path) == ("GET", "/cm/v1/admin/enterprises"):
            self.answer(200, [{"id": "e-1", "organizationId": ORGANISATION, "name": "Example Corporation"}])
        elif (self.command, self.path) == ("POST", "/cm/v1/bulk/create/smime"):
            self._ordered(form)
        else:
            self.answer(404, {"message": "Not found"})

    do_GET = do_POST = route

    def _ordered(self, form: dict[str, bytes]) -> None:
        twist = self.twists.pop() if self.twists else ""
        try:
            if form.get("Value") != ORGANISATION.encode():
                self.answer(403, {"message": "The organization is not yours."})
            elif twist in ERRORS:
                self.answer(*ERRORS[twist])
            else:
                self._issue(row_of(form["File"]), twist)
        except (RowError, ValueError) as error:
            self.answer(400, {"message": str(error)})

    def _issue(self, row: dict[str, str], twist: str) -> None:
        csr = csr_of(row)
        until = datetime.now(UTC) + timedelta(days=800) if twist == "longer" else None
        signed = self.ca.signed(twisted(csr, twist) if twist.startswith("other") else csr, until)
        bundle = pkcs7.serialize_certificates([self.ca.certificate, signed], Encoding.PEM)
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"1.{row['FriendlyName']}.p7b", bundle)
        self.answer(200, body.getvalue(), Content_Type="application/zip")


if __name__ == "__main__":
    stub.serve(Site, stub.Signer, clients=ssl.CERT_NONE)
