"""The process of a request: its page, and its BPMN files."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.process import page as process_page
from identity_manager.workflow.diagram import bpmn


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Diagram of the process of a request, for all officers."""
    offices.officer(request)
    context = {"tab": "", "picture": process_page.everything(), "files": process_page.files()}
    return render(request, "identity_manager/process/page.html", context)


@require_safe
def file(request: HttpRequest, original: str) -> HttpResponse:
    """Download a BPMN file of the process, for all officers."""
    offices.officer(request)
    origin = process_page.origin_of(original)
    if origin is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{original}.bpmn"'}
    return HttpResponse(bpmn.written(origin), content_type=bpmn.MEDIA_TYPE, headers=headers)
