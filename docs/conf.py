"""Sphinx settings: Markdown pages, numpydoc docstrings."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

project = "xraybench"
author = "The xraybench developers"
copyright = author
release = version = installed_version("xraybench")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence", "deflist"]
suppress_warnings = ["myst.xref_missing"]  # the README's links are for the repository's web page
exclude_patterns = ["_build"]

autosummary_generate = True
autodoc_typehints = "description"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "alabaster"
html_theme_options = {"description": "Honest figures of merit from X-ray benches"}
