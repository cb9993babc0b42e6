"""The metrology: pure functions, arrays in, figures of merit out."""
