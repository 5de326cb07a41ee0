"""`make mutants`: small faults put into the code, one at a time; a test must fail for each. See README.md."""
