"""A stub of the web enrolment pages of Microsoft AD CS, as its clients read them; a process of its own.

It signs with the key of a TestCa, for whoever has the password or the client certificate "officer". Requests
by the template `approved` wait for a CA manager; those by `quiet` are denied on a page that does not say why.
A manager's word (issue, deny, the reason of a revocation) is POST /requests/NUMBER/WORD here.
"""

import base64
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from tests.ca_bridge.connectors.servers import stub

USER, PASSWORD, OFFICER = "EXAMPLE\\identity-manager", "a password of the tests", "officer"
API = "/certsrv"
UNSUPPORTED = (
    "Denied by Policy Module  0x80094800, The request was for a certificate template that is not supported "
    "by the Active Directory Certificate Services policy: {template}."
)
ISSUED = '<A Href="certnew.cer?ReqID={number}&amp;Enc=b64">Download certificate</A>'
PENDING = (
    "<P><B>Certificate Pending</B><P>Your certificate request has been received. However, you must wait for "
    "an administrator to issue the certificate you requested.<P>Your Request Id is {number}."
)
DENIED = (
    "<P><B>Certificate Request Denied</B><P>Your certificate request was denied. "
    '<P>Your Request Id is {number}. The disposition message is "{message}".'
)
# The list of the page of a new request: what a template demands follows its name.
TEMPLATES = """<Select Name=lbCertTemplate ID=lbCertTemplateID OnChange="handleTemplateChange();">
<Option Value="O;person;1;128;1;1;Microsoft Software Key Storage Provider;1.2.3.1;100;;0;Persons">Persons
<Option Value="E;approved;2;128;1;1;Microsoft Software Key Storage Provider;1.2.3.2;100;;0;R&amp;D">R&amp;D
<Option Value="E;r&amp;d;2;128;1;1;Microsoft Software Key Storage Provider;1.2.3.3;100;;0;By hand">By hand
</Select>"""
# The page of certnew.cer where there is no certificate.
NONE = (
    "<P><B>Error</B><PRE>Request Mode:\r\n\t\tget issued certificate\r\nDisposition:\r\n\t\t{disposition}\r\n"
    "Disposition message:\r\n\t\t{message}\r\n"
    "Result:\r\n\t\t{result}\r\nLastStatus:\r\n\t\t{result}\r\n</PRE>"
)
FINE = "The operation completed successfully. 0x0 (WIN32: 0)"
EMPTY = "The requested property value is empty. 0x80094004 (-2146877436 CERTSRV_E_PROPERTY_EMPTY)"
BY_POLICY = "The requested certificate template is not supported by this CA. 0x80094800 (-2146875392)"
BY_MANAGER = "The request was denied by a certificate manager or CA administrator. 0x80094014 (-2146877420)"


@dataclass
class Request:
    """A row of the CA's database."""

    csr: x509.CertificateSigningRequest
    until: datetime
    certificate: x509.Certificate | None = None
    message: str = "Taken Under Submission"
    result: str = FINE
    revoked: x509.ReasonFlags | None = None


@dataclass
class Ca:
    """What the CA behind the pages knows."""

    signer: stub.Signer
    requests: list[Request] = field(default_factory=list)

    def submit(self, csr: x509.CertificateSigningRequest, attributes: dict[str, str]) -> str:
        """The page about a new request; the end that was asked for can only shorten."""
        template = attributes.get("CertificateTemplate", "")
        until = datetime.now(UTC) + timedelta(days=stub.DAYS)
        if "ExpirationDate" in attributes:
            until = min(until, parsedate_to_datetime(attributes["ExpirationDate"]))
        self.requests.append(request := Request(csr, until))
        number = len(self.requests)
        match template:
            case "person":
                request.certificate = self.signer.signed(csr, until)
                return ISSUED.format(number=number)
            case "approved":
                return PENDING.format(number=number)
        request.message, request.result = UNSUPPORTED.format(template=template), BY_POLICY
        shown = "Denied by Policy Module" if template == "quiet" else request.message
        return DENIED.format(number=number, message=shown)

    def decide(self, number: int, verdict: str) -> None:
        request = self.requests[number - 1]
        if verdict in {"keyCompromise", "certificateHold"}:
            request.revoked = x509.ReasonFlags(verdict)
        elif verdict == "issue":
            request.certificate = self.signer.signed(request.csr, request.until)
        else:
            request.message, request.result = "Denied by EXAMPLE\\manager", BY_MANAGER

    def crl(self) -> bytes:
        found = ((each.certificate, each.revoked) for each in self.requests)
        revoked = {each.serial_number: why for each, why in found if each is not None and why is not None}
        return self.signer.crl(revoked).public_bytes(Encoding.DER)

    def page(self, number: int) -> str:
        """Why there is no certificate."""
        if number > len(self.requests):
            return NONE.format(disposition="(never set)", message="(none)", result=EMPTY)
        request = self.requests[number - 1]
        disposition = "Denied" if request.message.startswith("Denied") else "Under Submission"
        return NONE.format(disposition=disposition, message=request.message, result=request.result)


class Pages(stub.Handler):
    """The pages under /certsrv."""

    ca: Ca

    def route(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/requests/"):
            _empty, _requests, number, verdict = parts.path.split("/")
            self.ca.decide(int(number), verdict)
            return self._show("")
        if challenge := self.challenge():
            self.body()  # closed with something unread, the connection would be reset, and the answer lost
            return self.answer(401, b"<html>401", Content_Type="text/html", WWW_Authenticate=challenge)
        return self._page(parts.path.removeprefix(API), dict(parse_qsl(parts.query)))

    do_GET = do_POST = route

    def _page(self, page: str, query: dict[str, str]) -> None:
        match page:
            case "/certfnsh.asp":
                return self._show(self._submitted())
            case "/certnew.cer":
                return self._certificate(query)
            case "/certrqxt.asp":
                return self._show(TEMPLATES)
            case "/certcarc.asp":
                return self._show("<SCRIPT>\r\nvar nRenewals=0;\r\n</SCRIPT>")
            case "/certnew.p7b":
                chain = pkcs7.serialize_certificates([self.ca.signer.certificate], Encoding.DER)
                return self.answer(200, chain, Content_Type="application/x-pkcs7-certificates")
            case "/certcrl.crl":
                return self.answer(200, self.ca.crl(), Content_Type="application/pkix-crl")
            case "/":
                return self._show("Welcome")
        return self.answer(404, b"<html>404", Content_Type="text/html")

    def challenge(self) -> str:
        """How to sign in, for whoever has not."""
        told = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.client() == OFFICER or self.headers.get("Authorization") == f"Basic {told}"
        return "" if known else 'Basic realm="CA"'

    def _submitted(self) -> str:
        form = dict(parse_qsl(self.body().decode()))
        attributes = dict(line.split(":", 1) for line in form["CertAttrib"].splitlines() if line)
        assert form["Mode"] == "newreq"
        return self.ca.submit(x509.load_pem_x509_csr(form["CertRequest"].encode()), attributes)

    def _certificate(self, query: dict[str, str]) -> None:
        if query["ReqID"] == "CACert":
            found: x509.Certificate | None = self.ca.signer.certificate
        else:
            number = int(query["ReqID"])
            found = self.ca.requests[number - 1].certificate if number <= len(self.ca.requests) else None
        if found is None:
            return self._show(self.ca.page(int(query["ReqID"])))
        browser = self.headers.get("User-Agent", "").startswith("Mozilla/")
        kind = "application/pkix-cert" if browser else "application/octet-stream"
        encoding = Encoding.PEM if query["Enc"] == "b64" else Encoding.DER
        return self.answer(200, found.public_bytes(encoding), Content_Type=kind)

    def _show(self, words: str) -> None:
        self.answer(200, f"<HTML><BODY>{words}</BODY></HTML>".encode(), Content_Type="text/html")


if __name__ == "__main__":
    stub.serve(Pages, lambda folder: Ca(stub.Signer(folder)), clients=ssl.CERT_OPTIONAL)
