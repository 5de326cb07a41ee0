"""Demo data: organisation, catalogue, cast. Not used in production."""
