"""The kinds of configuration, a module each."""
