"""The list of persons as Django's admin draws it, with the rows and columns of SEARCH; and its addresses."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import path

from identity_manager.config.urls import urlpatterns as of_the_product
from identity_manager.models import Person, SoftwareToken
from identity_manager.models.requests.token_states import IN_USE


class OpenSite(admin.AdminSite):
    """For whoever has signed in: accounts have none of the admin's own permissions."""

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated


class PersonAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none when it runs
    """25 rows: name and number, department, e-mail, state, tokens; a checkbox for each, as SEARCH has."""

    list_display = ("display_name", "personnel_number", "department", "email", "state", "tokens")
    list_filter = ("kind", "state")
    search_fields = ("display_name",)
    list_per_page = 25

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        tokens = SoftwareToken.objects.filter(state__in=IN_USE).select_related("token_type")
        tokens = tokens.defer("passphrase_wrapped", "snapshot")
        rows = Person.objects.with_order("").prefetch_related(Prefetch("tokens", tokens, to_attr="in_use"))
        return rows.order_by("by_name", "pk")

    def tokens(self, person: Any) -> str:
        return ", ".join(str(token.token_type) for token in person.in_use)

    def has_view_permission(self, *_: Any) -> bool:
        return True

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission
    has_module_permission = has_view_permission


site = OpenSite()
site.register(Person, PersonAdmin)
urlpatterns = [path("admin/", site.urls), *of_the_product]
