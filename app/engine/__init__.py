"""Runs a procedure on a bench into a run file, and makes the bench safe whatever happens."""
