# SPDX-License-Identifier: Apache-2.0

"""Tags that reach Nova without Heat, as scheduler hints."""

from tempest import exceptions
from tempest.lib import decorators

from ecrae_tempest_plugin.tests.scenario import base


class TestScheduling(base.EcraeScenario):
    """The filter and the weigher in nova-scheduler."""

    @decorators.idempotent_id('7d2b1f10-64d9-4c8f-93c1-2f8a65f0b601')
    @decorators.attr(type='smoke')
    def test_a_server_without_a_tag_boots(self):
        """ECRAE stands aside where it has nothing to say."""
        self.assertEqual('ACTIVE', self.boot()['status'])

    @decorators.idempotent_id('7d2b1f10-64d9-4c8f-93c1-2f8a65f0b602')
    def test_a_server_with_an_unknown_tag_boots(self):
        """A tag that the knowledge base lacks is as no tag."""
        hints = {base.TAG: 'no-such-tag'}
        self.assertEqual('ACTIVE', self.boot(scheduler_hints=hints)['status'])

    @decorators.idempotent_id('7d2b1f10-64d9-4c8f-93c1-2f8a65f0b603')
    def test_an_exact_tag_commands_the_node_type(self):
        """The server lands where its tag says."""
        node_type = self.a_node_type(self.boot())

        server = self.boot(scheduler_hints={base.TAG: f'exact:{node_type}'})
        self.assertEqual(node_type, self.node_type_of(server))

    @decorators.attr(type='negative')
    @decorators.idempotent_id('7d2b1f10-64d9-4c8f-93c1-2f8a65f0b604')
    def test_an_exact_tag_of_no_host_is_not_broken(self):
        """Rather no server than one on other hardware."""
        self.a_node_type(self.boot())
        self.assertRaises(
            exceptions.BuildErrorException,
            self.boot,
            scheduler_hints={base.TAG: 'exact:a-node-type-of-no-host'},
        )
