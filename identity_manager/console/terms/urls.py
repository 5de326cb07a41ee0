"""URL patterns of acceptances of terms."""

from django.urls import path

from identity_manager.console.terms import views

urlpatterns = [
    path("terms/acceptances/", views.accepted, name="terms-acceptances"),
    path("terms/acceptances/export/", views.export, name="terms-acceptances-export"),
]
