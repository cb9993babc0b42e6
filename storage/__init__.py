"""Run files: written so that nothing recorded is lost, read back years later."""
