"""The window: one widget a file, each of which can run alone (``python -m app.gui.live_plot``)."""
