"""Pages that leak what they are told, each in its own way, for the tests that plant secrets."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt

from tests.sinks.forms import in_one_line


@login_not_required
@csrf_exempt
def leak(request: HttpRequest, way: str) -> HttpResponse:
    secret = request.POST["secret"]
    answer = HttpResponse()
    match way:
        case "body":
            answer.write(secret.encode("latin-1"))
        case "header":
            answer["X-Leak"] = in_one_line(secret)
        case "cookie":
            answer.set_cookie("leak", secret)
        case "redirect":
            answer = redirect(f"/health/live?{urlencode({'secret': secret})}")
        case "flash":
            messages.info(request, secret)
        case "session":
            request.session["leak"] = secret
        case "error":
            raise ValueError(secret)
    return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """What a page with details for developers would show."""
    return HttpResponse(request.POST["secret"], status=500)


handler500 = "tests.sinks.leaky.server_error"
urlpatterns = [path("leak/<slug:way>/", leak), path("", include("identity_manager.config.urls"))]
