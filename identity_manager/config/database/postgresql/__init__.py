"""The database backend for PostgreSQL; Django loads its module `base` by this package's name."""
