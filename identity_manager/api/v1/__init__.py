"""REST API, version 1: verbs of the workflow and lists of SEARCH for programs, without rules of its own."""
