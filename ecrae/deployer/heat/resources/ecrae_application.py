# SPDX-License-Identifier: Apache-2.0

"""What ``[DEFAULT] plugin_dirs`` of heat.conf points to.

Heat imports every module of such a directory under a name of its own, so the
class itself lives outside of it.
"""

from ecrae.deployer.heat.application import Application


def resource_mapping() -> dict[str, type[Application]]:
    """Resource types that Heat gains."""
    return {Application.TYPE: Application}
