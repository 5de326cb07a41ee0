"""The addresses."""
app_name = "selfservice"
urlpatterns: list = []
