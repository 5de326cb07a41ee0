"""The type of a text for people: a string, or a lazy translation that is resolved when it is shown."""

from django.utils.functional import Promise

Words = str | Promise
