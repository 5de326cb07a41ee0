"""The mails of each feature: who gets which, when, and what it says; registered by mail.registry.mail."""
