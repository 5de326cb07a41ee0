"""SEARCH: find a person, enable them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console import access, searching


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    actor = access.searcher(request)
    return render(request, "identity_manager/search.html", searching.context(request, actor))
