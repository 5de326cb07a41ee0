"""The addresses."""
app_name = "console"
urlpatterns: list = []
