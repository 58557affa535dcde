# SPDX-License-Identifier: Apache-2.0

import warnings


# The theme looks for a git remote to link to; a clone may have none.
warnings.filterwarnings('ignore', module='openstackdocstheme')

project = 'ECRAE'
copyright = 'ECRAE contributors'
extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'cliff.sphinxext',
]
openstackdocs_pdf_link = False
openstackdocs_auto_name = False
openstackdocs_auto_version = False
version = release = ''
html_theme = 'openstackdocs'
html_last_updated_fmt = None
root_doc = 'index'
nitpicky = False
suppress_warnings: list[str] = []
