"""A stub of Nexus Certificate Manager's REST API, after its published description; a process of its own.

It signs with the key of a TestCa. Officers have client certificates; what they ask for must be signed by one
of them, with the data that they were given, as OpenSSL verifies. The instance `vro` signs by itself, as the
gateway does as a virtual registration officer.
"""

import base64
import hashlib
import json
import secrets
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.ca_bridge.connectors.servers import stub

API, VRO = "/pgwy/api", "/vro"
OFFICER, PROCEDURES = "officer", ("person", "server")
REASONS = {"0", "1", "3", "4", "5", "6", "9"}
MISSING_FIELD, BAD_VALUE, PRIVILEGE, BAD_SIGNATURE = -7, -14, -15, -17
Form = dict[str, str]


class RefusalError(Exception):
    """An answer with a code of the API."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Entry:
    """A certificate in CM's database."""

    certificate: x509.Certificate
    reason: str = ""

    @property
    def identifier(self) -> str:
        return hashlib.sha1(self.der, usedforsecurity=False).hexdigest()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def name(self) -> str:
        return str(self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:x}"

    def told(self) -> dict[str, object]:
        return {
            "certid": self.identifier,
            "status": "revoked" if self.reason else "active",
            "reason": self.reason,
            "certificateserialnumber": self.serial,
            "subject": self.certificate.subject.rfc4514_string(),
            "validfrom": int(self.certificate.not_valid_before_utc.timestamp() * 1000),
        }


class Cm:
    """What CM keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.signer = folder, stub.Signer(folder)
        self.entries: dict[str, Entry] = {}
        self.lock = threading.Lock()

    def issue(self, form: Form) -> Entry:
        try:
            csr = x509.load_der_x509_csr(base64.b64decode(form["pkcs10"], validate=True))
            until = datetime.fromisoformat(form["validto"]).astimezone(UTC)
            certificate = self.signer.signed(csr, until)
        except ValueError as error:
            raise RefusalError(BAD_VALUE, f"pkcs10 or validto: {error}") from error
        entry = Entry(certificate)
        with self.lock:
            self.entries[entry.identifier] = entry
        return entry

    def revoke(self, form: Form) -> None:
        entry = self.entries.get(form["certid"])
        if entry is None or form["reason"] not in REASONS:
            raise RefusalError(BAD_VALUE, "certid or reason")
        entry.reason = entry.reason or form["reason"]

    def found(self, query: Form) -> list[Entry]:
        since = datetime.fromisoformat(query.get("validFromTimeFrom", "1970-01-01T00:00:00Z"))
        with self.lock:
            return [
                entry
                for entry in self.entries.values()
                if query.get("subjectCommonName", entry.name) == entry.name
                and query.get("certificateSerialNumber", entry.serial) == entry.serial
                and entry.certificate.not_valid_before_utc >= since
            ]

    def check_signature(self, data: bytes, signature: str) -> None:
        """That an officer's certificate has signed exactly this, by another program than the connector's."""
        name = self.folder / secrets.token_hex(8)
        name.write_bytes(base64.b64decode(signature))
        command = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any", "-in", name]
        command += ["-CAfile", self.folder / "ca.pem", "-signer", f"{name}.signer"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode or done.stdout != data:
            raise RefusalError(BAD_SIGNATURE, "Bad signature")
        signer = x509.load_pem_x509_certificate(Path(f"{name}.signer").read_bytes())
        if Entry(signer).name != OFFICER:
            raise RefusalError(PRIVILEGE, "The signer is no officer")


class Gateway(stub.Handler):
    """The REST API of the Protocol Gateway."""

    ca: Cm

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, act: Callable[[str, Form], None]) -> None:
        url = urlsplit(self.path)
        try:
            if self.client() != OFFICER:
                raise RefusalError(PRIVILEGE, "The caller is no officer")
            act(url.path.removeprefix(API), dict(parse_qsl(url.query)))
        except RefusalError as error:
            self.answer(400, {"error": error.code, "msg": error.message})
        except KeyError as error:
            self.answer(400, {"error": MISSING_FIELD, "msg": f"Missing field {error}"})

    def _get(self, path: str, query: Form) -> None:
        if path == "/procedures":
            procedures = [{"procid": each, "mediatype": query["mediaType"]} for each in PROCEDURES]
            self.answer(200, {"error": 0, "procedures": procedures})
        elif path == "/certificates":
            found = self.ca.found(query)
            first = int(query.get("searchOffset", 0))
            page = found[first : first + int(query.get("searchLimit", 100))]
            told = [entry.told() for entry in page]
            self.answer(200, {"error": 0, "searchHits": len(found), "certificates": told})
        else:
            self._certificate(self.ca.entries[path.split("/")[2]])

    def _post(self, path: str, _query: Form) -> None:
        form, itself = self._form(multipart=path.endswith("/pkcs10")), path.startswith(VRO)
        if form.get("procname", PROCEDURES[0]) not in PROCEDURES:
            raise RefusalError(BAD_VALUE, f"No procedure {form['procname']}")
        signature = form.pop("signature", "")
        data = json.dumps(form, sort_keys=True).encode()
        if not signature and not itself:
            asked = {"error": 0, "msg": "Sign request and send again"}
            self.answer(200, asked | {"dataToSign": base64.b64encode(data).decode()})
            return
        if not itself:
            self.ca.check_signature(data, signature)
        if path.endswith("/pkcs10"):
            self._certificate(self.ca.issue(form))
        else:
            self.ca.revoke(form)
            self.answer(200, {"error": 0, "msg": "OK"})

    def _form(self, *, multipart: bool) -> Form:
        """The fields of a form, in the one encoding that the description has for it."""
        kind = self.headers.get("Content-Type", "")
        if not multipart and kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(self.body().decode()))
        fields = self.multipart()
        if not multipart or not fields:
            raise RefusalError(BAD_VALUE, f"Content-Type {kind}")
        return {name: value.decode() for name, value in fields.items()}

    def _certificate(self, entry: Entry) -> None:
        self.answer(200, entry.der, Content_Type="application/pkix-cert", certId=entry.identifier)


if __name__ == "__main__":
    stub.serve(Gateway, Cm, clients=ssl.CERT_REQUIRED)
