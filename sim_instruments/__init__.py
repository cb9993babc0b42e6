"""A simulated bench: one physical world, and every instrument served at the wire."""
