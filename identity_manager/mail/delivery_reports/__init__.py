"""Delivery reports that mail servers send back: fetched from their mailbox, and read."""
