"""Who has accepted which version of terms, for officers."""
