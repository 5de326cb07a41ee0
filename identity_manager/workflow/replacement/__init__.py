"""Replacement of tokens: policy of what is revoked and requested anew."""
