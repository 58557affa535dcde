# SPDX-License-Identifier: Apache-2.0

"""What the scenarios share: tagged documents, servers and where they are."""

from typing import Any

import yaml
from tempest import config
from tempest import test
from tempest.common import waiters
from tempest.lib.common.utils import data_utils
from tempest.lib.common.utils import test_utils


CONF = config.CONF

TAG = 'ecrae:tag'
NODE_TYPE = 'ecrae:node_type'


class EcraeScenario(test.BaseTestCase):
    """A tenant with applications, and an administrator who can see hosts."""

    credentials = ('primary', 'admin')

    @classmethod
    def skip_checks(cls) -> None:
        """Say which service is missing."""
        super().skip_checks()
        for service in ('ecrae', 'nova', 'glance'):
            if not CONF.service_available[service]:
                raise cls.skipException(f'{service} is not available')

    @classmethod
    def setup_credentials(cls) -> None:
        """Servers use the network that the cloud offers to every tenant."""
        cls.set_network_resources()
        super().setup_credentials()

    @classmethod
    def setup_clients(cls) -> None:
        """The tenant's clients, and the administrator's view of servers."""
        super().setup_clients()
        cls.stacks = cls.os_primary.ecrae_orchestration.StacksClient()
        cls.servers = cls.os_primary.servers_client
        cls.all_servers = cls.os_admin.servers_client

    def create_stack(self, template: str, **rest: Any) -> str:
        """Create a stack that goes away with the test; returns its ID."""
        name = data_utils.rand_name('ecrae')
        stack_id = self.stacks.create_stack(name, template, **rest)
        self.addCleanup(self.stacks.wait_for_resource_deletion, stack_id)
        self.addCleanup(
            test_utils.call_and_ignore_notfound_exc,
            self.stacks.delete_stack,
            stack_id,
        )
        stack = self.stacks.wait_for_stack(stack_id)
        self.assertEqual(
            'CREATE_COMPLETE',
            stack['stack_status'],
            stack['stack_status_reason'],
        )
        return stack_id

    def servers_of(self, stack_id: str) -> dict[str, dict[str, Any]]:
        """Servers of a stack by node, as the administrator sees them."""
        return {
            node: self.show_server(server_id)
            for node, server_id in self.stacks.list_servers(stack_id).items()
        }

    def boot(self, servers: Any = None, **rest: Any) -> dict[str, Any]:
        """Boot a server of the cloud's usual kind until it is ACTIVE.

        :param servers: client of whose server it is, or the tenant's.
        :raises BuildErrorException: it ended in ERROR.
        """
        servers = servers or self.servers
        server_id = servers.create_server(
            name=data_utils.rand_name('ecrae'),
            imageRef=CONF.compute.image_ref,
            flavorRef=CONF.compute.flavor_ref,
            **rest,
        )['server']['id']
        self.addCleanup(
            waiters.wait_for_server_termination, servers, server_id
        )
        self.addCleanup(
            test_utils.call_and_ignore_notfound_exc,
            servers.delete_server,
            server_id,
        )
        waiters.wait_for_server_status(servers, server_id, 'ACTIVE')
        return self.show_server(server_id)

    def show_server(self, server_id: str) -> dict[str, Any]:
        """A server with its host."""
        server: dict[str, Any] = self.all_servers.show_server(server_id)[
            'server'
        ]
        return server

    def node_type_of(self, server: dict[str, Any]) -> str:
        """Node type of the host that a server is on."""
        host = server['OS-EXT-SRV-ATTR:host']
        return CONF.ecrae.host_node_types.get(host, f'unknown host {host}')

    def a_node_type(self, server: dict[str, Any]) -> str:
        """Node type on which such a server has been seen to fit."""
        if not CONF.ecrae.host_node_types:
            raise self.skipException('[ecrae] host_node_types is not set')
        return self.node_type_of(server)


def application(tags: dict[str, str]) -> str:
    """TOSCA of one tagged Compute node for each name."""
    return yaml.safe_dump(
        {
            'tosca_definitions_version': 'tosca_simple_yaml_1_3',
            'heat_template_version': 'ecrae_tosca_1',
            'topology_template': {
                'node_templates': {
                    node: {
                        'type': 'tosca.nodes.Compute',
                        'metadata': {'ecrae.tag': tag},
                        'capabilities': {
                            'host': {
                                'properties': {
                                    'num_cpus': 1,
                                    'mem_size': '512 MiB',
                                }
                            }
                        },
                    }
                    for node, tag in tags.items()
                }
            },
        }
    )
