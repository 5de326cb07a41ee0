"""Delivered files: confirmed installations, and reports that a file did not arrive."""
