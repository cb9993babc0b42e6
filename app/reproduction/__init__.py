"""The published results, measured again on the simulated bench."""
