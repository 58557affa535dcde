# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_deployer]``: how applications are planned inside heat-engine."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_deployer',
    title='Deployer',
    help='Planning of tagged TOSCA applications inside heat-engine.',
)

OPTIONS: list[cfg.Opt] = [
    cfg.IntOpt(
        'observation_lifetime',
        default=10,
        min=0,
        help="""
Seconds for which one look at the hosts serves every plan.

heat-engine plans an application several times during one request: when it
validates, previews and creates. Looking at all hosts each time would cost
Nova and Placement as many requests. Nova has the last word on capacity in any
case, so a look that is a few seconds old does no harm.

Possible values:

* 0: look anew for every plan
* a number of seconds
""",
    ),
]
