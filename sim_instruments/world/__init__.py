"""The physics of the simulated bench: one shared, seeded state."""
