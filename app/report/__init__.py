"""What is handed on: pictures of runs."""
