# SPDX-License-Identifier: Apache-2.0

"""Tagged TOSCA through the stock Heat API.

:mod:`template` lets a descriptor be a template, :mod:`application` lets it be
a resource's property. Both leave plain HOT in Heat's database.
"""
