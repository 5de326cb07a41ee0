"""What Sentry would be told holds nothing of a request, of the memory, or of what an exception says."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config.observability import error_events
from identity_manager.telemetry import correlation
from tests.sinks.search import Search, Secret

PLANTED = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
ADDRESS = "uma@example.com"
WHOLE: dict[str, Any] = {
    "event_id": "0af7651916cd43dd8448eb211c80319c",
    "level": "error",
    "logger": "identity_manager.jobs.runner",
    "transaction": "a.view",
    "user": {"id": "1", "email": ADDRESS, "ip_address": "10.0.0.1"},
    "request": {"url": "http://a/", "query_string": PLANTED, "cookies": {"a": PLANTED}, "data": PLANTED},
    "extra": {"sys.argv": [PLANTED]},
    "breadcrumbs": {"values": [{"message": PLANTED}]},
    "contexts": {"a": {"b": PLANTED}},
    "logentry": {"message": "The job %s failed", "params": [PLANTED], "formatted": PLANTED},
    "exception": {
        "values": [
            {
                "type": "ValueError",
                "module": "builtins",
                "value": PLANTED,
                "stacktrace": {
                    "frames": [{"function": "f", "lineno": 3, "filename": "a.py", "vars": {"a": PLANTED}}]
                },
            }
        ]
    },
}
PROGRAM = """
import json, os, sys
import django
django.setup()
from django.conf import settings
from django.http import HttpRequest
from django.test import Client
from django.urls import path
import sentry_sdk
from identity_manager.config.observability import error_events

def view(request: HttpRequest) -> None:
    secret = request.POST["secret"]
    raise ValueError("it was " + secret)

urlpatterns = [path("planted", view, name="planted")]
settings.ROOT_URLCONF = "__main__"
settings.MIDDLEWARE = ["identity_manager.config.observability.request_log.WatchingMiddleware"]
settings.LOGGING = {}
seen = []
def keep(event, hint):
    seen.append(event)
planted = os.environ["PLANTED"]
tight = error_events.options("http://key@localhost:9/1")
loose = {**tight, "before_send": None, "send_default_pii": True, "include_local_variables": True,
         "max_request_body_size": "always"}
out = {}
for name, options in (("loose", loose), ("tight", tight)):
    caught = []
    def transport(envelope):
        caught.append(envelope.serialize().decode())
    class Kept(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            transport(envelope)
    sentry_sdk.init(**{**options, "transport": Kept})
    headers = {"x-planted": planted, "x-request-id": "number-of-it"}
    client = Client(raise_request_exception=False, headers=headers)
    client.cookies["planted"] = planted
    answer = client.post("/planted?q=" + planted, {"secret": planted})
    assert answer.status_code == 500, answer.status_code
    sentry_sdk.flush()
    out[name] = caught
print(json.dumps(out))
"""


def test_an_event_is_built_from_what_may_leave() -> None:
    search = Search([Secret.passphrase(PLANTED)])
    assert search.findings("event", json.dumps(WHOLE).encode())
    with correlation.bound("number-of-a-visit", network="192.0.2.0/24", user="a person"):
        event = error_events.scrubbed(WHOLE, {})
    text = json.dumps(event)
    assert search.findings("event", text.encode()) == []
    assert ADDRESS not in text
    assert event["tags"] == {"request_id": "number-of-a-visit"}
    assert event["logentry"] == {"message": "The job %s failed"}
    (exception,) = event["exception"]["values"]
    assert exception["type"] == "ValueError"
    assert exception["stacktrace"]["frames"] == [{"function": "f", "lineno": 3, "filename": "a.py"}]


def test_words_that_may_have_been_put_together_before_stay_here() -> None:
    others = {"logger": "some.library", "logentry": {"message": f"no mail to {ADDRESS}", "params": []}}
    assert "logentry" not in error_events.scrubbed(others, {})
    ours = {"logger": "identity_manager.a", "logentry": {"message": "Nothing went.", "params": []}}
    assert error_events.scrubbed(ours, {})["logentry"] == {"message": "Nothing went."}


def test_what_is_no_address_of_sentry_is_refused_and_not_shown(settings: Any) -> None:
    settings.SENTRY_DSN = "sentry.acme.net/hidden"
    with pytest.raises(ImproperlyConfigured) as caught:
        error_events.start()
    assert str(caught.value).startswith("SENTRY_DSN must be")
    assert "hidden" not in str(caught.value)


@pytest.mark.long
def test_a_real_fault_goes_to_sentry_without_what_was_planted() -> None:
    """The sink is proved first: set up loosely, the SDK sends form, cookie, header, query and variables."""
    variables = {**os.environ, "PLANTED": PLANTED, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", PROGRAM]
    outcome = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    sent = json.loads(outcome.stdout.splitlines()[-1])
    search = Search([Secret.passphrase(PLANTED)])
    loose, tight = ("\n".join(sent[name]) for name in ("loose", "tight"))
    assert loose.count(PLANTED) > 3
    assert search.findings("loose", loose.encode())
    assert "ValueError" in tight
    assert "number-of-it" in tight
    assert search.findings("tight", tight.encode()) == []
