"""Gmail, hosted S/MIME of Google Workspace (users.settings.sendAs.smimeInfo).

A certificate is inserted with its key, then set as the default of the mailbox. Presence is determined by
`list`, comparing certificates: the response of `insert` proves nothing. Nothing is deleted: older keys
decrypt older mail. Google has the key from then on.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cryptography import x509
from django.utils.translation import gettext as _

from ca_bridge.pkcs12.writer import ContainerFormat
from ca_bridge.x509.certificates import describe
from ca_bridge.x509.der import MALFORMED, is_valid_now
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
    TargetError,
    Unavailable,
)
from identity_manager.targets.gmail import answers, suitability
from identity_manager.targets.gmail.options import GmailOptions
from identity_manager.targets.gmail.sign_in import SignIn
from identity_manager.targets.https import NoAnswerError, NotSentError, Reply
from identity_manager.targets.keys_stay import KeysStay, json_parcel_of, of_another_kind, require_openable

SEND_AS = "/gmail/v1/users/me/settings/sendAs"


@dataclass(frozen=True)
class GmailCertificate:
    """One S/MIME certificate of a mailbox, as `list` shows it."""

    id: str
    is_default: bool
    certificate: x509.Certificate


class GmailTarget(KeysStay):
    """One Workspace, for one run.

    place: the SHA-256 of the mailbox's primary address. The certificate names the address itself.
    """

    def __init__(self, configuration: TargetConfiguration) -> None:
        self.options: GmailOptions = configuration.options
        self._sign_in = SignIn(self.options, configuration.secret)

    def close(self) -> None:
        """Drop the access tokens."""
        self._sign_in.forget()

    @property
    def container_format(self) -> ContainerFormat:
        """As the options say."""
        return self.options.container_format

    def check(self) -> str:
        """List the S/MIME certificates of the configured mailbox."""
        self._entries(self.options.mailbox)
        return _("Gmail answers, and the service account may read the S/MIME settings of the mailbox.")

    def seal(self, file: KeyFile) -> bytes:
        """The request body of the insert. Raises Refused by the rules of Google, which gives no reasons."""
        require_openable(file)
        suitability.require(file, roots=self.options.roots)
        body = {
            "pkcs12": base64.urlsafe_b64encode(file.container).decode("ascii"),
            "encryptedKeyPassword": file.passphrase,
        }
        made = {"certificate": hashlib.sha256(file.certificate).hexdigest(), "body": body}
        return json.dumps(made).encode("ascii")

    # --- calls

    def locate(self, identity: str) -> str:
        """The mailbox of which this is the primary address, or an alias."""
        listed = self._got(identity, "").get("sendAs", ())
        primary = [each for each in listed if isinstance(each, dict) and each.get("isPrimary") is True]
        if len(primary) != 1 or not primary[0].get("sendAsEmail"):
            raise NoPlace(_("The mailbox shows no primary address."))
        return _place(str(primary[0]["sendAsEmail"]))

    def put(
        self,
        place: str,
        item: Item,
        *,
        instead_of: Item | None = None,  # noqa: ARG002 keys are added, and old ones stay
    ) -> Put:
        """Insert it, unless it is listed already, and set it as the default.

        Any fault from the insert on is Doubtful: the key may be there.
        """
        mailbox, body = _mailbox(place, item), _body(item)
        if _of(item, self._entries(mailbox)) is None:
            self._insert(mailbox, body, item)
        try:
            return self._finish(mailbox, item)
        except TargetError as error:
            raise Doubtful(error.words, detail=str(error)) from error

    def _insert(self, mailbox: str, body: dict[str, str], item: Item) -> None:
        reply = self._called(mailbox, _infos(mailbox), body=body)
        if reply.status == answers.CONFLICT and _of(item, self._entries(mailbox)) is not None:
            return
        if reply.status != answers.OK:
            raise self._fault(reply, changes=True)

    def _finish(self, mailbox: str, item: Item) -> Put:
        entries = self._entries(mailbox)
        ours = _of(item, entries)
        if ours is None:
            return Put.UNSEEN
        if not _is_in_use(ours, entries):
            self._make_default(mailbox, ours)
            entries = self._entries(mailbox)
            ours = _of(item, entries)
            if ours is None or not _is_in_use(ours, entries):
                raise Doubtful(_("Gmail does not show the certificate as the one that the mailbox uses."))
        return Put.ADDED

    def _make_default(self, mailbox: str, ours: GmailCertificate) -> None:
        path = f"{_infos(mailbox)}/{quote(ours.id, safe='')}/setDefault"
        reply = self._called(mailbox, path, body={})
        if reply.status not in (answers.OK, answers.NO_CONTENT):
            raise self._fault(reply, changes=True)

    def look(self, place: str, item: Item) -> Presence:
        """Whether `list` has it, and as the default."""
        entries = self._entries(_mailbox(place, item))
        ours = _of(item, entries)
        if ours is None:
            return Presence.ABSENT
        return Presence.THERE if _is_in_use(ours, entries) else Presence.UNFINISHED

    def _entries(self, mailbox: str) -> list[GmailCertificate]:
        listed = self._got(mailbox, f"/{quote(mailbox, safe='')}/smimeInfo").get("smimeInfo", ())
        return [found for each in listed if (found := _entry(each)) is not None]

    def _got(self, mailbox: str, path: str) -> dict[str, Any]:
        reply = self._called(mailbox, SEND_AS + path)
        if reply.status != answers.OK:
            raise self._fault(reply, changes=False)
        return reply.json()

    def _fault(self, reply: Reply, *, changes: bool) -> TargetError:
        if reply.status == answers.NO_TOKEN:
            self._sign_in.forget()
        return answers.fault(reply, changes=changes)

    def _called(self, mailbox: str, path: str, *, body: dict[str, str] | None = None) -> Reply:
        """One call. With a body it is not repeated: without an answer the outcome is unknown."""
        options = self.options
        request = https.with_token(
            options.api_url + path, self._sign_in.token(mailbox), body=body, seconds=options.timeout
        )
        try:
            return https.call(request)
        except NotSentError as error:
            raise Unavailable(_("Gmail cannot be reached."), detail=str(error)) from error
        except NoAnswerError as error:
            kind = Unavailable if body is None else Doubtful
            raise kind(_("No whole answer came from Gmail."), detail=str(error)) from error


def _place(address: str) -> str:
    return hashlib.sha256(address.casefold().encode()).hexdigest()


def _infos(mailbox: str) -> str:
    return f"{SEND_AS}/{quote(mailbox, safe='')}/smimeInfo"


def _mailbox(place: str, item: Item) -> str:
    """The address of the certificate that is the mailbox's. Raises Refused where none is."""
    names = describe(item.certificate).subject_alt_names
    found = [value for kind, value in names if kind == "email" and _place(value) == place]
    if not found:
        raise Refused(_("The certificate is for another address than the primary one of the mailbox."))
    return found[0]


def _body(item: Item) -> dict[str, str]:
    """The sealed request body of this certificate. Raises Refused."""
    made = json_parcel_of(item)
    if made.keys() != {"certificate", "body"}:
        raise of_another_kind()
    if made["certificate"] != hashlib.sha256(item.certificate).hexdigest():
        raise Refused(_("What was sealed for the target belongs to another certificate."))
    body: dict[str, str] = made["body"]
    return body


def _entry(listed: Any) -> GmailCertificate | None:
    """Parse a list entry; None for a malformed one, which is not ours."""
    try:
        certificates = x509.load_pem_x509_certificates(str(listed["pem"]).encode("ascii"))
        return GmailCertificate(str(listed["id"]), listed.get("isDefault") is True, certificates[0])
    except (KeyError, TypeError, *MALFORMED):
        return None


def _of(item: Item, entries: Sequence[GmailCertificate]) -> GmailCertificate | None:
    wanted = x509.load_der_x509_certificate(item.certificate)
    return next((each for each in entries if each.certificate == wanted), None)


def _is_in_use(ours: GmailCertificate, entries: Sequence[GmailCertificate]) -> bool:
    """Whether it is the default, or a newer valid certificate is."""
    default = next((each.certificate for each in entries if each.is_default), None)
    if ours.is_default or default is None:
        return ours.is_default
    return default.not_valid_before_utc > ours.certificate.not_valid_before_utc and is_valid_now(default)
