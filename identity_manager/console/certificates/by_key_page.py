"""Page context of **Revoke by public key**: choice of the key, and preview of the affected certificates."""

from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import ForeignFileError
from ca_bridge.x509 import public_keys
from identity_manager.console.access import requests
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.requests.forms import RevokeForm
from identity_manager.models import Person
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.archive import loss
from identity_manager.workflow.revocation.by_public_key import KeyUse

NOTHING_GIVEN = _("Paste a certificate, a public key or a fingerprint, or choose a file.")


class KeyForm(forms.Form):
    """Form with a public key to look for. An entered private key is not shown again."""

    text = forms.CharField(
        label=_("Certificate, public key or fingerprint"),
        help_text=_(
            "A certificate or public key in PEM, or 64 hexadecimal digits: the SHA-256 of the public key"
            " (SubjectPublicKeyInfo), or of a certificate that is known here."
        ),
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
        max_length=public_keys.MOST_OCTETS,
        required=False,
    )
    file = forms.FileField(
        label=_("Or a file"), help_text=_("A certificate or public key in PEM or DER."), required=False
    )

    def __init__(self, *args: Any, actor: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._actor = actor

    def clean(self) -> dict[str, Any]:
        """Add public_key, the SHA-256 of the key in hexadecimal."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        name = "file" if values.get("file") else "text"
        content = values["file"].read(public_keys.MOST_OCTETS + 1) if name == "file" else self._text(values)
        if not content.strip():
            raise forms.ValidationError(NOTHING_GIVEN)
        try:
            values["public_key"] = self._of_fingerprint(content) or public_keys.public_key_sha256(content)
        except ForeignFileError as error:
            if error.code == public_keys.PRIVATE_KEY[0]:
                self.data = {name: value for name, value in self.data.items() if name != "text"}
            self.add_error(name, str(error))
        return values

    @staticmethod
    def _text(values: dict[str, Any]) -> bytes:
        return str(values.get("text") or "").encode()

    def _of_fingerprint(self, content: bytes) -> str:
        """Of a certificate that the officer may read, else of a key; empty where it is no fingerprint."""
        digits = public_keys.fingerprint(content)
        known = requests.visible_certificates(self._actor).filter(fingerprint_sha256=digits or None)
        certificate = known.select_related("imported").first() if digits else None
        return requests.public_key_of(certificate) if certificate is not None else digits


class RevokeByKeyForm(RevokeForm):
    """Form to revoke by key. seen: digest of the list that the officer has read; no other is revoked."""

    note = ReasonField(
        help_text=_("What has happened. It stays in the audit log; the persons do not read it."),
        required=lazystr(NO_REASON),
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)

    field_order = ("reason", "encryption", "note")

    def __init__(self, *args: Any, use: KeyUse, **kwargs: Any) -> None:
        super().__init__(*args, tokens=use.tokens, initial={"seen": use.digest}, **kwargs)
        self.fields["note"].label = _("Note")


def context(use: KeyUse, form: VerbForm, *, is_unlimited: bool) -> dict[str, Any]:
    """Of the page with the dry list. A list that has changed is shown anew, and can be sent at once."""
    if form.refused is not None and form.is_bound:
        form.data = {**form.data.dict(), "seen": use.digest}  # type: ignore[attr-defined]  # a QueryDict
    return {
        "tab": "search",
        "use": use,
        "rows": [*use.certificates, *use.findings],
        "form": form,
        "losses": loss.of_tokens([token.pk for token in use.tokens]),
        "can_block": is_unlimited or bool(use.certificates),
        "revocable": {row.pk for row in use.certificates if row.is_revocable},
    }
