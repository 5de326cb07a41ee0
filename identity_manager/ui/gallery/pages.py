"""Gallery of UI components in every state, light and dark. Embedded mode only."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from identity_manager.models.people.account import PAGE_SIZES
from identity_manager.ui.forms import CardsField, RadioCards
from identity_manager.ui.gallery import samples
from identity_manager.ui.language_fields import LanguagesField
from identity_manager.ui.parts import Card, Tab
from identity_manager.ui.row_fields import OrderField, PairsField

TYPE_CARDS = [
    ("vpn", Card("VPN", "Signs your computer in to the company network. 1 certificate.", icon="network")),
    ("smime", Card("S/MIME combined", "Signs and encrypts your mail. 2 certificates.", icon="mail")),
    (
        "auth",
        Card("Authentication", "Signs you in to Windows.", "Uma has one, valid until 3 May 2027.", "key"),
    ),
]
REASON_CARDS = [
    ("lost", Card("The device is lost or stolen", "Everything on it is revoked at once.", icon="laptop")),
    ("unused", Card("It is not needed any more", icon="trash")),
]


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Display name", help_text="As the person writes it.")
    email = forms.EmailField(label="E-mail", required=False)
    kind = forms.ChoiceField(
        label="Kind", choices=[("employee", "Employee"), ("external", "External person")]
    )
    reason = forms.CharField(label="Reason", widget=forms.Textarea, help_text="Uma reads this.")
    until = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}), required=False)
    file = forms.FileField(label="File", help_text="CSV, at most 10 MB.", required=False)
    roles = forms.MultipleChoiceField(
        label="Roles",
        choices=[("approver", "Approver"), ("auditor", "Auditor")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    types = CardsField(label="Software token types", choices=TYPE_CARDS)
    why = forms.ChoiceField(label="Why", choices=REASON_CARDS, widget=RadioCards)
    terms = forms.BooleanField(
        label="I accept the Terms and Conditions", help_text="Version 3 of 1 October 2026."
    )


class SampleOneOf(forms.Form):
    """A choice of fields of which exactly one is to be filled."""

    basis = forms.ChoiceField(
        label="Who has it", choices=[("group", "A group"), ("unit", "A unit")], widget=forms.RadioSelect
    )
    group = forms.CharField(label="Group")
    unit = forms.CharField(label="Organisational unit")

    @property
    def members(self) -> list[forms.BoundField]:
        return [self["group"], self["unit"]]


class SampleRows(forms.Form):
    """Fields that have several rows."""

    called = LanguagesField(label="Name", max_length=100, help_text="People choose by it.")
    names = PairsField(
        label="Alternative names",
        choices=[("email", "E-mail"), ("upn", "UPN")],
        kind_label="Kind",
        text_label="Text",
        initial=[["email", "{email}"]],
    )
    order = OrderField(label="Profiles", place_label="Place", initial=["signature"])

    def __init__(self) -> None:
        super().__init__(auto_id="rows-%s")
        self.fields["order"].offer([("signature", "Signature"), ("encryption", "Encryption")])  # type: ignore[attr-defined]  # an OrderField


@require_GET
@login_not_required
def error_page(request: HttpRequest, which: str) -> HttpResponse:
    """A sample of an error page; nothing is recorded."""
    if not settings.EMBEDDED or which not in samples.ERRORS:
        raise Http404
    template, context, needs_database = samples.ERRORS[which]
    if needs_database:
        return render(request, template, context)
    return HttpResponse(render_to_string(template, context))


@require_GET
@login_not_required
def gallery(request: HttpRequest, scheme: str = "") -> HttpResponse:
    """All components, in the light, dark or system colour scheme."""
    if not settings.EMBEDDED:
        raise Http404
    messages.info(request, "A message of information.")
    messages.success(request, "The request was approved.")
    messages.warning(request, "The mail server has not answered yet; the mail waits.")
    messages.error(request, "The certificate authority refused the order.")
    context = {"scheme": scheme, "schemes": _schemes(scheme), "samples": _samples()}
    return render(request, "ui/gallery.html", context)


def _schemes(current: str) -> list[Tab]:
    return [
        Tab("As the system", reverse("ui:gallery"), current=current == ""),
        Tab("Light", reverse("ui:gallery-light"), current=current == "light"),
        Tab("Dark", reverse("ui:gallery-dark"), current=current == "dark"),
    ]


def _samples() -> dict[str, Any]:
    now = timezone.now()
    page = Paginator(range(2000), 25).page(7)
    filled = SampleForm({"name": "", "email": "uma", "types": ["auth"]}, auto_id="filled-%s")
    empty = SampleForm(auto_id="empty-%s", initial={"types": ["vpn"], "why": "unused"})
    return {
        "forms": [empty, filled],
        "page": page,
        "page_sizes": PAGE_SIZES,
        "moments": [now + timedelta(minutes=minutes) for minutes in samples.DISTANCES],
        "begins": now - timedelta(days=280),
        "ends": now + timedelta(days=85),
        "ends_soon": now + timedelta(days=20),
        "ended": now - timedelta(days=3),
        "changes": samples.CHANGES,
        "passphrase": samples.PASSPHRASE,
        "fingerprint": samples.FINGERPRINT,
        "icons": samples.ICONS,
        "badges": samples.BADGES,
        "persons": samples.PERSONS,
        "roads": samples.roads(now),
        "events": samples.events(now),
        "pairs": samples.PAIRS,
        "tabs": samples.TABS,
        "devices": samples.DEVICES,
        "type_words": ["VPN", "S/MIME"],
        "row_form": SampleRows(),
        "one_of_form": SampleOneOf(auto_id="one-of-%s"),
        **samples.of_the_frame(now),
    }
