"""Data that was measured elsewhere: tables, oscilloscope records, spectra and images as their programs write them."""
