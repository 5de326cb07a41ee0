"""URL patterns of unconfirmed installations and delivery problems; names in the namespace `console`."""

from django.urls import path

from identity_manager.console.delivery import arrival_views, views

urlpatterns = [
    path("mails/domains/", arrival_views.domains, name="mail-domains"),
    path("not-arrived/<uuid:pk>/", arrival_views.not_arrived, name="not-arrived"),
    path("not-arrived/<uuid:pk>/open/", arrival_views.open_download, name="not-arrived-open"),
    path("not-installed/<uuid:pk>/", views.not_installed, name="not-installed"),
]
