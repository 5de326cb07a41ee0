"""The database backend for SQLite; Django loads its module `base` by this package's name."""
