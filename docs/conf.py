"""Sphinx settings: Markdown pages, numpydoc docstrings, formulas as MathML, reference pages from the program itself."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

project = "xraybench"
author = "The xraybench developers"
copyright = author
release = version = installed_version("xraybench")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "mathml",
    "from_the_program",
]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# the tables in faults/ are parts of the page on safety
exclude_patterns = ["_build", "_ext", "faults"]
nitpicky = False

autosummary_generate = True
autodoc_typehints = "description"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = "xraybench"
html_math_renderer = "mathml"
html_theme_options = {"footer_icons": []}
