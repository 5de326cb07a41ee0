"""Demo data (organisation, catalogue, cast) and the scripted journey. Not used in production."""
