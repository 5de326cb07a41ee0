"""HELP of the officers: the documents of this version."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.help import documents

MOST_TYPED = 200


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The first document, or what a search found."""
    offices.officer(request)
    text = request.GET.get("q", "")[:MOST_TYPED].strip()
    found = documents.search(text)
    context = {"text": text, "found": found, "document": documents.document(documents.START)}
    return render(request, "identity_manager/help/index.html", context)


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """A document of the built-in help, for all officers."""
    offices.officer(request)
    found = documents.document(name)
    if found is None:
        raise Http404
    return render(request, "identity_manager/help/document.html", {"document": found})


@require_safe
def image(request: HttpRequest, name: str) -> HttpResponse:
    """An image of the built-in help, for all officers."""
    offices.officer(request)
    found = documents.image(name)
    if found is None:
        raise Http404
    content, media_type = found
    return HttpResponse(content, content_type=media_type)
