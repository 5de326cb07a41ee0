"""URL patterns of the audit log, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.audit import views as history

urlpatterns = [
    path("history/", history.listing, name="history"),
    path("history/export/", history.export, name="history-export"),
    path("history/check/", history.check, name="history-check"),
    path("history/pack/", history.pack, name="history-pack"),
    path("history/public-key.pem", history.public_key, name="history-public-key"),
    path("requests/<uuid:pk>/evidence/", history.evidence_of_request, name="request-evidence"),
    path("requests/<uuid:pk>/evidence/print/", history.evidence_to_print, name="request-evidence-print"),
    path("tokens/<uuid:pk>/evidence/", history.evidence_of_token, name="token-evidence"),
]
