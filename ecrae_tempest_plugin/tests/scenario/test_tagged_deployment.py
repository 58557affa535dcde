# SPDX-License-Identifier: Apache-2.0

"""Tagged TOSCA through Heat, by an ordinary tenant."""

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions

from ecrae_tempest_plugin.tests.scenario import base


CONF = config.CONF


class TestTaggedDeployment(base.EcraeScenario):
    """A document that says what components are gets hardware for them."""

    @decorators.idempotent_id('0a6f9d59-1c3e-4d35-a8f6-5a3f4b8e9c01')
    @decorators.attr(type='smoke')
    def test_components_run_on_hardware_of_their_tags(self):
        """Every server is where its decision says."""
        tags = dict(zip(('front', 'store'), CONF.ecrae.tags, strict=False))
        found = self.servers_of(self.create_stack(base.application(tags)))

        self.assertEqual(set(tags), set(found))
        for node, tag in tags.items():
            server = found[node]
            self.assertEqual('ACTIVE', server['status'])
            self.assertEqual(tag, server['metadata'][base.TAG])
            self.assertIn(base.NODE_TYPE, server['metadata'])
            if CONF.ecrae.host_node_types:
                self.assertEqual(
                    server['metadata'][base.NODE_TYPE],
                    self.node_type_of(server),
                )

    @decorators.idempotent_id('0a6f9d59-1c3e-4d35-a8f6-5a3f4b8e9c02')
    def test_heat_keeps_plain_hot(self):
        """The stack does not depend on ECRAE once it is there."""
        stack_id = self.create_stack(
            base.application({'only': CONF.ecrae.tags[0]})
        )

        template = self.stacks.show_template(stack_id)
        self.assertNotEqual('ecrae_tosca_1', template['heat_template_version'])
        self.assertNotIn('topology_template', template)

    @decorators.idempotent_id('0a6f9d59-1c3e-4d35-a8f6-5a3f4b8e9c03')
    def test_update_leaves_what_did_not_change(self):
        """The same document again moves nothing."""
        document = base.application({'only': CONF.ecrae.tags[0]})
        stack_id = self.create_stack(document)
        before = self.stacks.list_servers(stack_id)

        self.stacks.update_stack(stack_id, document)
        stack = self.stacks.wait_for_stack(stack_id)

        self.assertEqual('UPDATE_COMPLETE', stack['stack_status'])
        self.assertEqual(before, self.stacks.list_servers(stack_id))

    @decorators.idempotent_id('0a6f9d59-1c3e-4d35-a8f6-5a3f4b8e9c04')
    def test_exact_tag_forces_a_node_type(self):
        """What a hint tag chose can be asked for by name."""
        hinted = self.servers_of(
            self.create_stack(base.application({'only': CONF.ecrae.tags[0]}))
        )['only']
        node_type = self.a_node_type(hinted)

        found = self.servers_of(
            self.create_stack(base.application({'only': f'exact:{node_type}'}))
        )
        self.assertEqual(node_type, self.node_type_of(found['only']))

    @decorators.attr(type='negative')
    @decorators.idempotent_id('0a6f9d59-1c3e-4d35-a8f6-5a3f4b8e9c05')
    def test_unknown_tag_is_refused(self):
        """A word that nobody profiled makes no stack."""
        caught = self.assertRaises(
            exceptions.BadRequest,
            self.stacks.create_stack,
            'ecrae-unknown-tag',
            base.application({'only': 'no-such-tag'}),
        )
        self.assertIn('no tag named no-such-tag', str(caught))
