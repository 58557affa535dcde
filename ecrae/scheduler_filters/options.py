# SPDX-License-Identifier: Apache-2.0

"""ECRAE's options inside nova-scheduler, on Nova's own configuration.

Nova builds its plugins without arguments, so this is one of the few places
where a global configuration is used.
"""

import nova.conf

from ecrae.conf import database
from ecrae.conf import energy
from ecrae.conf import scheduler


CONF = nova.conf.CONF

for _module in (database, energy, scheduler):
    CONF.register_group(_module.GROUP)
    CONF.register_opts(_module.OPTIONS, group=_module.GROUP)
