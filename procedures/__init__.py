"""One module per measurement: what it records, how it measures, which analysis it calls."""
