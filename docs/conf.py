"""Configuration of the documentation; `make docs` builds it with warnings as errors."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "holdfast"
author = "The holdfast authors"
copyright = "The holdfast authors"
version = release = installed_version("holdfast")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples/data/README.md"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "holdfast"
html_show_sphinx = False
