# SPDX-License-Identifier: Apache-2.0

project = 'ECRAE release notes'
copyright = 'ECRAE contributors'
extensions = ['openstackdocstheme', 'reno.sphinxext']
openstackdocs_auto_name = False
openstackdocs_auto_version = False
html_theme = 'openstackdocs'
root_doc = 'index'
