"""Spelling index of the words of names (**Did you mean**): each word with all its one-letter deletions.

Symmetric deletion: two words at edit distance one, or with two neighbouring letters swapped, have a deletion
in common, which a B-tree index finds in well under a millisecond on both databases. No row refers to a
person: it says only that somebody has had such a name.
"""

from django.db import models

LONGEST = 40


class NameWord(models.Model):
    """A word of a name: folded for search (`word`), and in one original spelling."""

    id = models.BigAutoField(primary_key=True)
    word = models.CharField(max_length=LONGEST, unique=True)
    spelling = models.CharField(max_length=LONGEST)

    def __str__(self) -> str:
        return self.word


class NameWordPart(models.Model):
    """A key of the index: the word itself, or the word without one of its letters."""

    id = models.BigAutoField(primary_key=True)
    part = models.CharField(max_length=LONGEST)
    word = models.ForeignKey(NameWord, on_delete=models.CASCADE, related_name="parts")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["part", "word"], name="name_word_part_once")]

    def __str__(self) -> str:
        return self.part
