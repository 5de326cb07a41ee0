"""The addresses of what Registration Officers do with persons, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.views import identity_changes, leaving, person_records

urlpatterns = [
    path("persons/new/", person_records.create, name="person-create"),
    path("persons/<uuid:pk>/edit/", person_records.edit, name="person-edit"),
    path("persons/<uuid:pk>/activate/", leaving.activate, name="person-activate"),
    path("persons/<uuid:pk>/deactivate/", leaving.deactivate, name="person-deactivate"),
    path("persons/<uuid:pk>/lock/", leaving.lock, name="person-lock"),
    path("identity-changes/", identity_changes.several, name="identity-changes"),
    path("identity-changes/<uuid:pk>/", identity_changes.show, name="identity-change"),
    path("identity-changes/<uuid:pk>/confirm/", identity_changes.confirm, name="identity-change-confirm"),
    path("identity-changes/<uuid:pk>/refuse/", identity_changes.refuse, name="identity-change-refuse"),
    path("identity-changes/<uuid:pk>/withdraw/", identity_changes.withdraw, name="identity-change-withdraw"),
]
