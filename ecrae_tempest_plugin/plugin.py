# SPDX-License-Identifier: Apache-2.0

"""What tempest finds by the entry point ``tempest.test_plugins``.

Nothing of the package ``ecrae`` is imported: the tests see the cloud as its
users do, and run from a machine that has tempest alone.
"""

import pathlib
from typing import Any

from oslo_config import cfg
from tempest import config
from tempest.test_discover import plugins

from ecrae_tempest_plugin import config as ecrae_config


class EcraeTempestPlugin(plugins.TempestPlugin):
    """Tests, options and clients."""

    def load_tests(self) -> tuple[str, str]:
        """Folder of the tests and the one above the package."""
        package = pathlib.Path(__file__).parent
        return str(package / 'tests'), str(package.parent)

    def register_opts(self, conf: cfg.ConfigOpts) -> None:
        """Add the options to tempest's own."""
        conf.register_opt(
            ecrae_config.service_available, group='service_available'
        )
        conf.register_group(ecrae_config.ecrae_group)
        conf.register_opts(
            ecrae_config.EcraeGroup, group=ecrae_config.ecrae_group
        )

    def get_opt_lists(self) -> list[tuple[str, list[cfg.Opt]]]:
        """Options for tempest's sample."""
        return [
            (ecrae_config.ecrae_group.name, ecrae_config.EcraeGroup),
            ('service_available', [ecrae_config.service_available]),
        ]

    def get_service_clients(self) -> list[dict[str, Any]]:
        """A client of Heat's stacks; tempest itself has none."""
        return [
            {
                'name': 'ecrae_orchestration',
                'service_version': 'ecrae.orchestration',
                'module_path': 'ecrae_tempest_plugin.services.stacks',
                'client_names': ['StacksClient'],
                **config.service_client_config('ecrae'),
            }
        ]
