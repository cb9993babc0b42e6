"""The world behind the simulated bench: its physics and its clock, one shared state."""
