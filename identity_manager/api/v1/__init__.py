"""REST API, version 1: the verbs of the road and the lists of SEARCH for programs, with no own rule."""
