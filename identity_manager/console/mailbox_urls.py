"""The addresses."""
app_name = "mailbox"
urlpatterns: list = []
