"""The addresses of what Registration Officers do with persons, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.people import identity_change_views, leave_views, record_views

urlpatterns = [
    path("persons/new/", record_views.create, name="person-create"),
    path("persons/<uuid:pk>/edit/", record_views.edit, name="person-edit"),
    path("persons/<uuid:pk>/activate/", leave_views.activate, name="person-activate"),
    path("persons/<uuid:pk>/deactivate/", leave_views.deactivate, name="person-deactivate"),
    path("persons/<uuid:pk>/lock/", leave_views.lock, name="person-lock"),
    path("identity-changes/", identity_change_views.several, name="identity-changes"),
    path("identity-changes/<uuid:pk>/", identity_change_views.show, name="identity-change"),
    path(
        "identity-changes/<uuid:pk>/confirm/", identity_change_views.confirm, name="identity-change-confirm"
    ),
    path("identity-changes/<uuid:pk>/refuse/", identity_change_views.refuse, name="identity-change-refuse"),
    path(
        "identity-changes/<uuid:pk>/withdraw/",
        identity_change_views.withdraw,
        name="identity-change-withdraw",
    ),
]
