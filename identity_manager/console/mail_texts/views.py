"""ADMIN, Mail texts: read by officers, written by System Administrators. The HTML stands in a sandbox."""

from dataclasses import replace
from functools import partial

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
from identity_manager.transactions.refusals import Stale

TEMPLATES = "identity_manager/mail_texts"
reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    offices.catalogue_reader(request)
    return render(request, f"{TEMPLATES}/listing.html", page.listing())


@require_safe
def show(request: HttpRequest, name: str, language: str) -> HttpResponse:
    actor = administration.mail_text_for_reader(request, name, language)
    context = page.context(actor, name, language, asked=request.GET.get("history"))
    return render(request, f"{TEMPLATES}/text.html", context)


@require_safe
@xframe_options_sameorigin
def html(request: HttpRequest, name: str, language: str) -> HttpResponse:
    administration.mail_text_for_reader(request, name, language)
    return _sandboxed(page.shown(name, language, mail_texts.in_force(name, language)).body_html)


@require_safe
@xframe_options_sameorigin
def draft_html(request: HttpRequest, name: str, language: str) -> HttpResponse:
    administration.mail_text_for_reader(request, name, language)
    draft = mail_texts.draft_of(name, language)
    if draft is None:
        raise Http404
    return _sandboxed(page.shown(name, language, draft).body_html)


@require_safe
def version(request: HttpRequest, name: str, language: str, number: int) -> HttpResponse:
    actor = administration.mail_text_for_reader(request, name, language)
    rows = MailText.objects.exclude(state=VersionState.DRAFT)
    entry = get_object_or_404(rows, code=MailText.code_of(name, language), number=number)
    return render(request, f"{TEMPLATES}/version.html", page.version_context(actor, entry))


@reads_and_posts
def write(request: HttpRequest, name: str, language: str) -> HttpResponse:
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
    actor = administration.mail_text_for_system_administrator(request, name, language)
    act = Act(
        verb=partial(mail_texts.ask_activation, actor=actor, message=name, language=language),
        done=lambda _draft: _("It waits in OPEN TASKS of the other System Administrators."),
        back=_address(name, language),
        page=partial(_text_page, request, actor, name, language),
    )
    return respond(request, SeenForm(request.POST), act)


@require_POST
def activate(request: HttpRequest, name: str, language: str) -> HttpResponse:
    actor = administration.mail_text_for_system_administrator(request, name, language)
    four_eyes = settings.CATALOGUE_FOUR_EYES
    verb = partial(mail_texts.activate, actor=actor, message=name, language=language, four_eyes=four_eyes)
    act = Act(
        verb=verb,
        done=lambda _entry: _("It is in force. Within half a minute every mail that is made takes it."),
        back=_address(name, language),
        page=partial(_text_page, request, actor, name, language),
    )
    return respond(request, SeenForm(request.POST), act)


@reads_and_posts
def refuse(request: HttpRequest, name: str, language: str) -> HttpResponse:
    actor = administration.mail_text_for_system_administrator(request, name, language)
    act = Act(
        verb=partial(mail_texts.refuse_activation, actor=actor, message=name, language=language),
        done=lambda _draft: _("Refused. Who made the version sees why."),
        back=_address(name, language),
        page=partial(_text_page, request, actor, name, language),
        ask=lambda: _refusal_question(name, language, actor),
    )
    return respond(request, _seen_form(request, RefuseForm, name, language), act)


@reads_and_posts
def discard(request: HttpRequest, name: str, language: str) -> HttpResponse:
    actor = administration.mail_text_for_system_administrator(request, name, language)
    act = Act(
        verb=partial(mail_texts.discard, actor=actor, message=name, language=language),
        done=lambda _draft: _("The draft is discarded."),
        back=_address(name, language),
        page=partial(_text_page, request, actor, name, language),
        ask=lambda: _question(name, language, _("Discard the draft?"), _("Discard draft")),
    )
    return respond(request, _seen_form(request, SeenForm, name, language), act)


@require_POST
def use_ours(request: HttpRequest, name: str, language: str) -> HttpResponse:
    actor = administration.mail_text_for_system_administrator(request, name, language)
    act = Act(
        verb=partial(mail_texts.use_ours, actor=actor, message=name, language=language),
        done=lambda _entry: _("Within half a minute every mail that is made has the text of the product."),
        back=_address(name, language),
        page=partial(_text_page, request, actor, name, language),
    )
    return respond(request, PressForm(request.POST), act)


@require_POST
def send_test(request: HttpRequest, name: str, language: str) -> HttpResponse:
    actor = administration.mail_text_for_system_administrator(request, name, language)
    act = Act(
        verb=partial(mail_texts.send_test, actor=actor, message=name, language=language),
        done=lambda mail: _("The test is on its way to %(address)s.") % {"address": mail.to_address},
        back=_address(name, language),
        page=partial(_text_page, request, actor, name, language),
    )
    return respond(request, PressForm(request.POST), act)


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


def _text_page(request: HttpRequest, actor: Person, name: str, language: str, form: VerbForm) -> HttpResponse:
    context = page.context(actor, name, language, form=form)
    return render(request, f"{TEMPLATES}/text.html", context, status=refusals.status_of(form))


def _seen_form(request: HttpRequest, kind: type[SeenForm], name: str, language: str) -> SeenForm:
    return kind(refusals.post_data(request), initial={"seen": mail_texts.seen_of(name, language)})


def _refusal_question(name: str, language: str, actor: Person) -> Confirmation:
    question = _question(name, language, _("Refuse the draft?"), _("Refuse"))
    return replace(question, obstacle=page.refusal_obstacle(name, language, actor))


def _question(name: str, language: str, title: str, button: str) -> Confirmation:
    return Confirmation(
        title=title,
        lead=_("%(mail)s (%(language)s)") % {"mail": title_of(name), "language": language},
        button=button,
        back=_address(name, language),
        tab="admin",
        obstacle=None if mail_texts.draft_of(name, language) else mail_texts.NO_DRAFT,
    )


def _address(name: str, language: str) -> str:
    return reverse("console:mail-text", args=[name, language])


def _sandboxed(body: str) -> HttpResponse:
    return HttpResponse(inline_logo.shown(body), headers={"Content-Security-Policy": SANDBOX})
