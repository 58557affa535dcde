# SPDX-License-Identifier: Apache-2.0

"""Root work, done by a separate process that can do little else.

The list is what the functions below this package need themselves. The
programs they start (criu, ip, nft) get root's full set by being executed;
what they are started with is checked in that process, not by its caller.
"""

import os
import sys
from collections.abc import Sequence

from oslo_config import cfg
from oslo_privsep import capabilities
from oslo_privsep import priv_context


context = priv_context.PrivContext(
    'ecrae.privsep',
    cfg_section='ecrae_privsep',
    pypath=f'{__name__}.context',
    capabilities=[
        # Images that criu wrote become the agent's to send.
        capabilities.CAP_CHOWN,
        # Folders of the agent's user; containers' disks; power sensors.
        capabilities.CAP_DAC_OVERRIDE,
        # Stop, continue and end workloads.
        capabilities.CAP_KILL,
        # Leave TCP's repair mode.
        capabilities.CAP_NET_ADMIN,
        # Look into workloads, hold their userfaultfds.
        capabilities.CAP_SYS_PTRACE,
    ],
)


def configure(arguments: Sequence[str]) -> None:
    """Read ``[ecrae_privsep]``, which oslo.privsep looks for globally.

    An agent that is root needs no sudo to start its helper.
    """
    cfg.CONF(list(arguments), project='ecrae', prog='ecrae-agent')
    if os.geteuid() == 0 and not context.conf.helper_command:
        helper = os.path.join(sys.prefix, 'bin', 'privsep-helper')
        cfg.CONF.set_override('helper_command', helper, 'ecrae_privsep')
