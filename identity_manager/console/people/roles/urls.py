"""URL patterns of roles: those of one person, and officers with their approver groups, within ADMIN."""

from django.urls import path

from identity_manager.console.people.roles import approver_group_views, deputy_views, role_views

of_persons = [
    path("persons/<uuid:pk>/deputies/", deputy_views.of_person, name="person-deputies"),
    path("persons/<uuid:pk>/deputies/<uuid:deputy_id>/end/", deputy_views.end, name="person-deputy-end"),
    path("persons/<uuid:pk>/who-may/", role_views.who_may, name="person-who-may"),
    path("persons/<uuid:pk>/roles/", role_views.of_person, name="person-roles"),
    path(
        "persons/<uuid:pk>/roles/<uuid:assignment_id>/withdraw/",
        role_views.withdraw,
        name="person-role-withdraw",
    ),
]
urlpatterns = [
    path("officers/", role_views.listing, name="officers"),
    path("officers/export/", role_views.export, name="officers-export"),
    path("officers/approver-groups/", approver_group_views.listing, name="approver-groups"),
    path("officers/approver-groups/<uuid:pk>/", approver_group_views.show, name="approver-group"),
    path(
        "officers/approver-groups/<uuid:pk>/delete/",
        approver_group_views.delete,
        name="approver-group-delete",
    ),
    path(
        "officers/approver-groups/<uuid:pk>/remove/<uuid:person_id>/",
        approver_group_views.remove,
        name="approver-group-remove",
    ),
]
