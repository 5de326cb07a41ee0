"""The addresses around SEARCH."""

from django.urls import path

from identity_manager.console.views import saved_searches, search

urlpatterns = [
    path("search/export/", search.export, name="search-export"),
    path("search/saved/", saved_searches.listing, name="saved-searches"),
    path("search/saved/new/", saved_searches.save, name="search-save"),
    path("search/saved/<uuid:pk>/rename/", saved_searches.rename, name="saved-search-rename"),
    path("search/saved/<uuid:pk>/delete/", saved_searches.delete, name="saved-search-delete"),
]
