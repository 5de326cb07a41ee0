"""The demo organisation: its people, its catalogue, its cast. Nothing of it exists in production."""
