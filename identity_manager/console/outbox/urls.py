"""URL patterns of mails."""

from django.urls import path

from identity_manager.console.outbox import views

urlpatterns = [
    path("", views.listing, name="outbox"),
    path("retry/", views.retry_many, name="mails-retry"),
    path("discard/", views.discard_many, name="mails-discard"),
    path("<uuid:pk>/", views.show, name="mail"),
    path("<uuid:pk>/html/", views.html, name="mail-html"),
    path("<uuid:pk>/retry/", views.retry, name="mail-retry"),
    path("<uuid:pk>/came-back/", views.report_bounce, name="mail-came-back"),
    path("<uuid:pk>/discard/", views.discard, name="mail-discard"),
]
