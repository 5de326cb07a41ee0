"""The addresses of other systems that are told of the audit log, within ADMIN."""

from django.urls import path

from identity_manager.console.events import views

urlpatterns = [
    path("other-systems/", views.overview, name="other-systems"),
    path("other-systems/siem/<slug:name>/resend/", views.resend, name="siem-resend"),
]
