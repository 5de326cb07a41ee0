"""URL patterns of mails."""

from django.urls import path

from identity_manager.console.outbox import views

urlpatterns = [
    path("mails/", views.listing, name="outbox"),
    path("mails/retry/", views.retry_many, name="mails-retry"),
    path("mails/discard/", views.discard_many, name="mails-discard"),
    path("mails/<uuid:pk>/", views.show, name="mail"),
    path("mails/<uuid:pk>/html/", views.html, name="mail-html"),
    path("mails/<uuid:pk>/retry/", views.retry, name="mail-retry"),
    path("mails/<uuid:pk>/came-back/", views.report_bounce, name="mail-came-back"),
    path("mails/<uuid:pk>/discard/", views.discard, name="mail-discard"),
]
