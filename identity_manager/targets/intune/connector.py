"""Intune imported PFX certificates (Microsoft Graph beta, userPfxCertificates).

The passphrase of the container is encrypted to the key of the Certificate Connector on the customer's
servers: neither Graph nor we can decrypt it afterwards. Graph answers any invalid input with 400, so
everything is checked before. Graph identifies a certificate by user and SHA-1 thumbprint; after an unknown
outcome both are searched for.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.targets import https
from identity_manager.targets.configuration import TargetConfiguration
from identity_manager.targets.contract import (
    Doubtful,
    Item,
    KeyFile,
    NoPlace,
    Presence,
    Put,
    Refused,
    Unavailable,
)
from identity_manager.targets.https import NoAnswerError, NotSentError, Reply
from identity_manager.targets.intune.options import PADDINGS, IntuneOptions
from identity_manager.targets.intune.sign_in import SignIn
from identity_manager.targets.keys_stay import KeysStay, json_parcel_of, of_another_kind, require_openable

CERTIFICATES = "/beta/deviceManagement/userPfxCertificates"
USERS = "/v1.0/users"
OK, CREATED, BAD_REQUEST, NO_TOKEN, NO_RIGHT = 200, 201, 400, 401, 403
NOT_FOUND, CONFLICT, TOO_MANY, ERROR = 404, 409, 429, 500
OAEP_OVERHEAD = 2  # octets beside two digests (RFC 8017 7.1.1)


class IntuneTarget(KeysStay):
    """One tenant, for one run."""

    def __init__(self, configuration: TargetConfiguration) -> None:
        self.options: IntuneOptions = configuration.options
        self._sign_in = SignIn(self.options, configuration.secret)
        self._names: dict[str, str] = {}  # user principal name by user id

    def close(self) -> None:
        """Drop the access token and the cached names."""
        self._sign_in.forget()
        self._names.clear()

    @property
    def container_format(self) -> ContainerFormat:
        """As configured: Intune passes the container to the devices unchanged."""
        return self.options.container_format

    def check(self) -> str:
        """Read one imported certificate, and one user, as the rights allow."""
        self._got(f"{CERTIFICATES}?$top=1")
        self._got(f"{USERS}?$top=1&$select=id")
        return _("Graph answers, and the app may read imported certificates and users.")

    # --- sealed while the worker has the key

    def seal(self, file: KeyFile) -> bytes:
        """The part of the request body that does not depend on the user, with the id of the connector's key.

        Raises Refused by the rules of Graph, which gives no reasons.
        """
        certificate = x509.load_der_x509_certificate(file.certificate)
        if certificate.not_valid_after_utc <= timezone.now():
            raise Refused(_("The certificate has ended: devices do not get it."))
        require_openable(file)
        body = {
            "thumbprint": _thumbprint(file.certificate),
            "intendedPurpose": self.options.purpose,
            "startDateTime": _moment(certificate.not_valid_before_utc),
            "expirationDateTime": _moment(certificate.not_valid_after_utc),
            "providerName": self.options.provider_name,
            "keyName": self.options.key_name,
            "paddingScheme": self.options.padding,
            "encryptedPfxBlob": base64.b64encode(file.container).decode("ascii"),
            "encryptedPfxPassword": self._for_the_connector(file.passphrase),
        }
        return json.dumps({"connector_key": self._connector_key(), "body": body}).encode("ascii")

    def _connector_key(self) -> str:
        """SHA-256 of the configured public key of the Certificate Connector."""
        key = self.options.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(key).hexdigest()

    def _for_the_connector(self, passphrase: str) -> str:
        """The passphrase under RSA-OAEP, MGF1 with the same hash, encoded with one octet per character."""
        digest = PADDINGS[self.options.padding]
        longest = self.options.public_key.key_size // 8 - 2 * digest.digest_size - OAEP_OVERHEAD
        if not passphrase.isascii() or len(passphrase) > longest:
            raise Refused(_("The passphrase does not fit the key and padding of the connector."))
        pad = padding.OAEP(padding.MGF1(digest), digest, None)
        return base64.b64encode(self.options.public_key.encrypt(passphrase.encode("ascii"), pad)).decode(
            "ascii"
        )

    # --- calls

    def locate(self, identity: str) -> str:
        """The id of the user with this principal name, compared case-insensitively."""
        reply = self._called(f"{USERS}/{quote(identity, safe='')}?$select=id,userPrincipalName")
        if reply.status == NOT_FOUND:
            raise NoPlace(_("The tenant has no user of this principal name."))
        self._require_read(reply)
        user = reply.json()
        place, name = str(user.get("id", "")), str(user.get("userPrincipalName", ""))
        if not place or name.casefold() != identity.casefold():
            raise NoPlace(_("The tenant has a user of another principal name there."))
        self._names[place] = name
        return place

    def put(
        self,
        place: str,
        item: Item,
        *,
        instead_of: Item | None = None,  # noqa: ARG002 keys are added, and old ones stay
    ) -> Put:
        """Import it. Raises Doubtful for an unknown outcome."""
        body = self._body(item)
        if body["thumbprint"] != _thumbprint(item.certificate):
            raise Refused(_("What was sealed for the target belongs to another certificate."))
        body["userPrincipalName"] = self._name(place)
        reply = self._called(CERTIFICATES, body=body)
        if reply.status in (OK, CREATED):
            return Put.ADDED
        if reply.status == CONFLICT:
            return self._of_conflict(place, item)
        if reply.status == BAD_REQUEST:
            raise Refused(
                _(
                    "Graph refuses the certificate, and says no reason. Key name, provider and key of the"
                    " connector have to be as on every connector server."
                ),
                detail=_code(reply),
            )
        if reply.status == NOT_FOUND:
            raise NoPlace(_("The tenant has no such user any more."))
        if reply.status >= ERROR:
            raise Doubtful(_("Graph failed, and nobody knows how far it came."), detail=str(reply.status))
        raise self._unwilling(reply)

    def _body(self, item: Item) -> dict[str, Any]:
        """The sealed request body. Raises Refused if it is for another key than the configured one."""
        made = json_parcel_of(item)
        if "thumbprint" in made:  # sealed before parcels said for which key
            return made
        if made.keys() != {"connector_key", "body"}:
            raise of_another_kind()
        if made["connector_key"] != self._connector_key():
            raise Refused(
                _(
                    "The settings have another key of the connector than when this key was sealed: the"
                    " connector could not open it. Set the former key and publish it again, or revoke the"
                    " token."
                )
            )
        body: dict[str, Any] = made["body"]
        return body

    def _of_conflict(self, place: str, item: Item) -> Put:
        if self.look(place, item) == Presence.THERE:
            return Put.WAS_THERE
        raise Refused(_("Graph says that there is such a certificate already, and does not show it."))

    def look(self, place: str, item: Item) -> Presence:
        """Whether the user has a certificate of this thumbprint."""
        name = self._name(place).lower().replace("'", "''")
        thumbprint = _thumbprint(item.certificate)
        condition = f"tolower(userPrincipalName) eq '{name}' and tolower(thumbprint) eq '{thumbprint}'"
        found = self._got(f"{CERTIFICATES}?{urlencode({'$filter': condition}, quote_via=quote)}")
        rows = [row for row in found.get("value", ()) if isinstance(row, dict)]
        same = [row for row in rows if str(row.get("thumbprint", "")).lower() == thumbprint]
        return Presence.THERE if same else Presence.ABSENT

    def _name(self, place: str) -> str:
        """The principal name of a user, which may have changed. Raises NoPlace."""
        if place not in self._names:
            reply = self._called(f"{USERS}/{quote(place, safe='')}?$select=id,userPrincipalName")
            if reply.status == NOT_FOUND:
                raise NoPlace(_("The tenant has no such user any more."))
            self._require_read(reply)
            self._names[place] = str(reply.json().get("userPrincipalName", ""))
        return self._names[place]

    def _got(self, path: str) -> dict[str, Any]:
        reply = self._called(path)
        self._require_read(reply)
        return reply.json()

    def _require_read(self, reply: Reply) -> None:
        if reply.status != OK or not reply.json():
            raise self._unwilling(reply)

    def _called(self, path: str, *, body: dict[str, Any] | None = None) -> Reply:
        """One call. With a body it is not repeated: without an answer the outcome is unknown."""
        options = self.options
        request = https.with_token(
            options.graph_url + path, self._sign_in.token(), body=body, seconds=options.timeout
        )
        try:
            return https.call(request)
        except NotSentError as error:
            raise Unavailable(_("Graph cannot be reached."), detail=str(error)) from error
        except NoAnswerError as error:
            words = _("No whole answer came from Graph.")
            kind = Unavailable if body is None else Doubtful
            raise kind(words, detail=str(error)) from error

    def _unwilling(self, reply: Reply) -> Unavailable:
        """The exception if Graph refuses the app or limits the rate; nothing has happened."""
        words = {
            NO_TOKEN: _("Graph does not accept the app any more: its credential was withdrawn."),
            NO_RIGHT: _("The app lacks DeviceManagementConfiguration.ReadWrite.All or User.Read.All."),
            TOO_MANY: _("Graph wants fewer calls, and says until when to wait."),
        }.get(reply.status, _("Graph does not answer as it should."))
        if reply.status == NO_TOKEN:
            self._sign_in.forget()
        return Unavailable(words, detail=f"{reply.status} {_code(reply)}", retry_after=reply.retry_after)


def _thumbprint(certificate: bytes) -> str:
    """SHA-1 thumbprint, an identifier only; no security depends on it."""
    return hashlib.sha1(certificate, usedforsecurity=False).hexdigest()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _code(reply: Reply) -> str:
    """The error code; never the error text, which may name a person."""
    error = reply.json().get("error")
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    return code if code.isalnum() else ""
