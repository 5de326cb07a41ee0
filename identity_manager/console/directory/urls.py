"""URL patterns of directory sources, within ADMIN."""

from django.urls import path

from identity_manager.console.directory import scim_views, views

of_persons = [
    path("persons/<uuid:pk>/directory-link/end/", views.end_link, name="person-directory-link-end"),
]
urlpatterns = [
    path("directories/", views.listing, name="directories"),
    path("directories/<slug:name>/", views.source, name="directory-source"),
    path("directories/<slug:name>/start/", views.start, name="directory-start"),
    path("directories/<slug:name>/clients/", scim_views.listing, name="scim-clients"),
    path("directories/<slug:name>/clients/make/", scim_views.make, name="scim-client-make"),
    path("directories/clients/<uuid:pk>/confirm/", scim_views.confirm, name="scim-client-confirm"),
    path("directories/clients/<uuid:pk>/revoke/", scim_views.revoke, name="scim-client-revoke"),
    path("directories/runs/<uuid:pk>/", views.run, name="directory-run"),
    path("directories/runs/<uuid:pk>/let-go-on/", views.let_go_on, name="directory-run-let-go-on"),
    path("directories/runs/<uuid:pk>/drop/", views.drop, name="directory-run-drop"),
]
