# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_overload]``: components that are too much for their hardware."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_overload',
    title='Overload',
    help='When the rebalancer puts a component on faster hardware.',
)

OPTIONS: list[cfg.Opt] = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help="""
Let plans move components that stay above their threshold.

A component's own threshold is in its TOSCA node (``ecrae.max_load``,
``ecrae.max_requests_per_s``) or in its server's metadata
(``ecrae:max_load``, ``ecrae:max_requests_per_s``).
""",
    ),
    cfg.FloatOpt(
        'max_load',
        min=0.01,
        max=1.0,
        help="""
Busy part of its vCPUs above which any server without a threshold is moved.

Not set: such servers are left alone.
""",
    ),
    cfg.FloatOpt(
        'hold_time',
        default=300.0,
        min=0.0,
        help='Seconds for which a component is above its threshold first.',
    ),
    cfg.FloatOpt(
        'margin',
        default=0.1,
        min=0.0,
        max=0.9,
        help="""
How far below its threshold a component must be expected to come by a move.
""",
    ),
    cfg.IntOpt(
        'max_moves',
        default=5,
        min=1,
        help='Most components that one plan relieves.',
    ),
    cfg.FloatOpt(
        'redeploy_timeout',
        default=3600.0,
        min=1.0,
        help="""
Seconds a stack update that redeploys a component may take.

After that the stack is told to go back to what it was.
""",
    ),
]
