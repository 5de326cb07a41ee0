"""The named list of sign-in pages."""

urlpatterns: list = []
