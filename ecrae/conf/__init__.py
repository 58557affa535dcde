# SPDX-License-Identifier: Apache-2.0

"""Options, one module for each group.

Every group's name starts with ``ecrae`` because inside nova-scheduler,
nova-api and heat-engine the options share that service's file. Nothing is
global: who needs options is handed a ``ConfigOpts``.
"""

from oslo_config import cfg

from ecrae.conf import opts


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make all of ECRAE's options known to ``conf``; safe to repeat."""
    for group, options in opts.list_opts():
        conf.register_group(group)
        conf.register_opts(options, group=group)
