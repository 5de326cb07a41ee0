"""URL patterns of configuration files, within ADMIN."""

from django.urls import path

from identity_manager.console.configuration import views

urlpatterns = [
    path("configuration/", views.compare, name="configuration"),
    path("configuration/export/", views.export, name="configuration-export"),
    path("configuration/import/", views.make_drafts, name="configuration-import"),
]
