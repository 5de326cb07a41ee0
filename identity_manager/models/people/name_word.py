"""The words of names, for **Did you mean**: each word with every form of it that lacks one letter.

Two words that differ by one letter, or by two that changed places, share such a form; an index finds it in
well under a millisecond, on both databases. Of persons it says only that somebody may have this name.
"""

from django.db import models

LONGEST = 40


class NameWord(models.Model):
    """A word of a name, folded as the search folds it, and as somebody writes it."""

    id = models.BigAutoField(primary_key=True)
    word = models.CharField(max_length=LONGEST, unique=True)
    spelling = models.CharField(max_length=LONGEST)

    def __str__(self) -> str:
        return self.word


class NameWordPart(models.Model):
    """A word itself, or what is left of it without one letter."""

    id = models.BigAutoField(primary_key=True)
    part = models.CharField(max_length=LONGEST)
    word = models.ForeignKey(NameWord, on_delete=models.CASCADE, related_name="parts")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["part", "word"], name="name_word_part_once")]

    def __str__(self) -> str:
        return self.part
