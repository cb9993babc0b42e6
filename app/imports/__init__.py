"""From files that were measured elsewhere to run files."""
