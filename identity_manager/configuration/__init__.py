"""Configuration as files: what the installation is set up with, as TOML, exported, compared and imported.

An import makes drafts alone, all or none; a second officer puts each in force, as if somebody had typed it.
`registry.py` names the kinds. A new kind is one declaration in `kinds/`, and its line there.
"""
