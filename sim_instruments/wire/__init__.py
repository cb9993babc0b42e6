"""Each instrument's own protocol, served over the world."""
