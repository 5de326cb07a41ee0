"""ADMIN, Jobs: what runs by itself, and **Run now**."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from identity_manager.console.access import administration, offices
from identity_manager.console.administration import job_page
from identity_manager.console.forms import refusals
from identity_manager.console.forms.fields import PressForm
from identity_manager.jobs import runner as jobs


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List periodic jobs with their last results. System Administrators and Auditors read it."""
    actor = offices.catalogue_reader(request)
    context = job_page.context(actor, form=PressForm())
    return render(request, "identity_manager/administration/jobs.html", context)


@require_POST
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Run now: set a job's next run to now, as a System Administrator."""
    actor, job = administration.job_for_system_administrator(request, name)
    form = PressForm(request.POST)
    with refusals.show_refusal(form):
        jobs.start_once(actor=actor, name=job.name)
    if not form.is_valid():
        context = job_page.context(actor, form=form)
        return render(
            request, "identity_manager/administration/jobs.html", context, status=refusals.status_of(form)
        )
    messages.success(request, _("It starts within five seconds."))
    return redirect("console:jobs")
