"""Replacement of tokens: what would be revoked, and what would be issued anew."""
