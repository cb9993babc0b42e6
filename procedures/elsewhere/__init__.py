"""Analyses of data that no bench here measures: it comes with ``xraybench import``."""
