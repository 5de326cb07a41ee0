"""ADMIN, Mail texts: read by officers, written by System Administrators. HTML is shown in a sandbox."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.catalogue import mail_texts
from identity_manager.console.access import administration, offices
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.mail_texts import page
from identity_manager.console.mail_texts.forms import RefuseForm, SeenForm, TextForm
from identity_manager.console.outbox.mailbox_views import SANDBOX
from identity_manager.mail import inline_logo
from identity_manager.mail.registry import title_of
from identity_manager.models import MailText, Person, VersionState
from identity_manager.transactions.refusals import Reason, Stale

TEMPLATES = "identity_manager/mail_texts"
reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List the mails whose texts can be replaced. System Administrators and Auditors read it."""
    offices.catalogue_reader(request)
    return render(request, f"{TEMPLATES}/listing.html", page.listing())


@require_safe
def show(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Text in force, draft and versions of one mail. System Administrators and Auditors read it."""
    actor = administration.mail_text_for_reader(request, name, language)
    context = page.context(actor, name, language, query=request.GET)
    return render(request, f"{TEMPLATES}/text.html", context)


@require_safe
@xframe_options_sameorigin
def html(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """HTML body of the text in force, sandboxed, for the page's frame."""
    administration.mail_text_for_reader(request, name, language)
    return _sandboxed(page.shown(name, language, mail_texts.in_force(name, language)).body_html)


@require_safe
@xframe_options_sameorigin
def draft_html(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """HTML body of the draft, sandboxed, for the page's frame."""
    administration.mail_text_for_reader(request, name, language)
    draft = mail_texts.draft_of(name, language)
    if draft is None:
        raise Http404
    return _sandboxed(page.shown(name, language, draft).body_html)


@require_safe
def version(request: HttpRequest, name: str, language: str, number: int) -> HttpResponse:
    """One version of a text. System Administrators and Auditors read it."""
    actor = administration.mail_text_for_reader(request, name, language)
    rows = MailText.objects.exclude(state=VersionState.DRAFT)
    entry = get_object_or_404(rows, code=MailText.code_of(name, language), number=number)
    return render(request, f"{TEMPLATES}/version.html", page.version_context(actor, entry, query=request.GET))


@reads_and_posts
def write(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Edit or preview the draft of a text, as a System Administrator."""
    actor = administration.mail_text_for_system_administrator(request, name, language)
    begun = page.initial(name, language, base=request.GET.get("from"))
    form = TextForm(refusals.post_data(request), language=language, initial=begun)
    if "preview" not in request.POST and form.is_valid():
        with refusals.show_refusal(form):
            draft = mail_texts.save_draft(
                actor=actor,
                message=name,
                language=language,
                seen=form.cleaned_data["seen"],
                wording=form.wording,
            )
            return _saved(request, draft)
    return _write_page(request, name, language, form)


@require_POST
def ask(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Ask the other System Administrators to activate the draft (four eyes)."""
    text = _text_to_change(request, name, language)
    done = _("It waits in OPEN TASKS of the other System Administrators.")
    return respond(request, SeenForm(request.POST), text.act(mail_texts.ask_activation, lambda _draft: done))


@require_POST
def activate(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Activate the draft, as a second System Administrator."""
    text = _text_to_change(request, name, language)
    verb = partial(mail_texts.activate, four_eyes=settings.CATALOGUE_FOUR_EYES)
    done = _("It is in force. Within half a minute every mail that is made takes it.")
    return respond(request, SeenForm(request.POST), text.act(verb, lambda _entry: done))


@reads_and_posts
def refuse(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Refuse the activation with a reason, as a second System Administrator."""
    text = _text_to_change(request, name, language)
    done = _("Refused. Who made the version sees why.")
    act = text.act(mail_texts.refuse_activation, lambda _draft: done, ask=text.ask_refusal)
    return respond(request, RefuseForm(refusals.post_data(request), initial=text.seen), act)


@reads_and_posts
def discard(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Discard the draft, after a confirmation page, as a System Administrator."""
    text = _text_to_change(request, name, language)
    done = _("The draft is discarded.")
    act = text.act(mail_texts.discard, lambda _draft: done, ask=text.ask_discard)
    return respond(request, SeenForm(refusals.post_data(request), initial=text.seen), act)


@require_POST
def use_ours(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Return to the product's own text, as a System Administrator."""
    text = _text_to_change(request, name, language)
    done = _("Within half a minute every mail that is made has the text of the product.")
    return respond(request, PressForm(request.POST), text.act(mail_texts.use_ours, lambda _entry: done))


@require_POST
def send_test(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """Send the text as a mail to the System Administrator who asks for it."""
    text = _text_to_change(request, name, language)
    done = _("The test is on its way to %(address)s.")
    act = text.act(mail_texts.send_test, lambda mail: done % {"address": mail.to_address})
    return respond(request, PressForm(request.POST), act)


@dataclass(frozen=True)
class _TextToChange:
    """The company's text of one mail in one language, and the System Administrator who changes it."""

    request: HttpRequest
    actor: Person
    name: str
    language: str

    @property
    def seen(self) -> dict[str, str]:
        return {"seen": mail_texts.seen_of(self.name, self.language)}

    def act(
        self,
        verb: Callable[..., Any],
        done: Callable[[Any], str],
        *,
        ask: Callable[[], Confirmation] | None = None,
    ) -> Act:
        return Act(
            verb=partial(verb, actor=self.actor, message=self.name, language=self.language),
            done=done,
            back=_address(self.name, self.language),
            page=self._page,
            ask=ask,
        )

    def ask_refusal(self) -> Confirmation:
        obstacle = page.refusal_obstacle(self.name, self.language, self.actor)
        return self._question(_("Refuse the draft?"), _("Refuse"), obstacle)

    def ask_discard(self) -> Confirmation:
        obstacle = None if mail_texts.draft_of(self.name, self.language) else mail_texts.NO_DRAFT
        return self._question(_("Discard the draft?"), _("Discard draft"), obstacle)

    def _question(self, title: str, button: str, obstacle: Reason | None) -> Confirmation:
        return Confirmation(
            title=title,
            lead=_("%(mail)s (%(language)s)")
            % {"mail": title_of(self.name), "language": page.language_label(self.language)},
            button=button,
            back=_address(self.name, self.language),
            tab="admin",
            obstacle=obstacle,
        )

    def _page(self, form: VerbForm) -> HttpResponse:
        context = page.context(self.actor, self.name, self.language, form=form)
        return render(self.request, f"{TEMPLATES}/text.html", context, status=refusals.status_of(form))


def _text_to_change(request: HttpRequest, name: str, language: str) -> _TextToChange:
    actor = administration.mail_text_for_system_administrator(request, name, language)
    return _TextToChange(request, actor, name, language)


def _saved(request: HttpRequest, draft: MailText) -> HttpResponse:
    if mail_texts.faults(draft.message, draft.language, mail_texts.wording_of(draft)):
        messages.warning(request, _("The draft is saved. It has faults, so it cannot be put in force yet."))
    else:
        messages.success(request, _("The draft is saved."))
    return redirect(_address(draft.message, draft.language))


def _write_page(request: HttpRequest, name: str, language: str, form: TextForm) -> HttpResponse:
    only_shown = "preview" in request.POST
    status = 200 if only_shown else refusals.status_of(form)
    context = page.write_context(name, language, form, previewed=only_shown)
    if isinstance(form.refused, Stale):
        context |= page.meanwhile(name, language, form)
    return render(request, f"{TEMPLATES}/write.html", context, status=status)


def _address(name: str, language: str) -> str:
    return reverse("console:mail-text", args=[name, language])


def _sandboxed(body: str) -> HttpResponse:
    return HttpResponse(inline_logo.shown(body), headers={"Content-Security-Policy": SANDBOX})
