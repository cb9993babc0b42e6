"""Runs a procedure on a bench into a run file, and shows it to people."""
