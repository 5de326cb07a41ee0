"""Configuration files (TOML): export, comparison with the present configuration, and import.

An import creates drafts only, atomically; a second officer activates each, as if it had been entered by hand.
`registry.py` names the kinds. A new kind is one declaration in `kinds/`, and its line there.
"""
