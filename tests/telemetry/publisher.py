# SPDX-License-Identifier: Apache-2.0

"""Puts measurements into Gnocchi as Ceilometer's agents and publisher do.

The names of meters, the resource types with their attributes, identifiers and
units are Ceilometer's; only the granularity is a test's.
"""

import contextlib
import datetime
import uuid

from gnocchiclient import exceptions


_TEXT = {'type': 'string', 'required': False}

#: Of Ceilometer's ``gnocchi_resources.yaml``, with what is read of them.
RESOURCE_TYPES = {
    'nova_compute': {'host_name': _TEXT},
    'ipmi': {},
    'instance': {'display_name': _TEXT},
}


class Publisher:
    """Publishes to one Gnocchi through its own client.

    :param client: a gnocchiclient.
    :param granularity_s: of every metric.
    """

    def __init__(self, client, granularity_s):
        self._client = client
        self._policy = f'every-{granularity_s}-s'
        self._metrics = {}
        self._prepare(granularity_s)

    def _prepare(self, granularity_s):
        policy = {
            'name': self._policy,
            'back_window': 0,
            'aggregation_methods': ['mean', 'rate:mean'],
            'definition': [
                {'granularity': f'{granularity_s}s', 'timespan': '1d'}
            ],
        }
        self._make(self._client.archive_policy, policy)
        for name, attributes in RESOURCE_TYPES.items():
            self._make(
                self._client.resource_type,
                {'name': name, 'attributes': attributes},
            )

    @staticmethod
    def _make(manager, what):
        with contextlib.suppress(exceptions.Conflict):
            manager.create(what)

    def host_cpu(self, host, measures, resource=None):
        """Publish a host's CPU in per cent, as (seconds, value) pairs.

        :param resource: another compute node's, if two share a hostname.
        """
        self.publish(
            'nova_compute',
            resource or f'{host}_{host}',
            'compute.node.cpu.percent',
            measures,
            host_name=host,
        )

    def host_power(self, host, measures):
        """Publish what a host draws in watts."""
        self.publish('ipmi', host, 'hardware.ipmi.node.power', measures)

    def instance_cpu(self, measures):
        """Publish cumulative nanoseconds of a new instance; its UUID."""
        instance = str(uuid.uuid4())
        self.publish('instance', instance, 'cpu', measures, display_name='web')
        return instance

    def publish(self, kind, resource, meter, measures, **attributes):
        """Publish (seconds since the epoch, value) pairs of one resource."""
        key = (kind, resource, meter)
        if key not in self._metrics:
            self._metrics[key] = self._metric_of(
                kind, resource, meter, attributes
            )
        self._client.metric.add_measures(
            self._metrics[key],
            [
                {
                    'timestamp': datetime.datetime.fromtimestamp(
                        at, datetime.UTC
                    ).isoformat(),
                    'value': value,
                }
                for at, value in measures
            ],
        )

    def _metric_of(self, kind, resource, meter, attributes):
        try:
            made = self._client.resource.create(
                kind,
                {
                    'id': resource,
                    'metrics': {meter: {'archive_policy_name': self._policy}},
                    **attributes,
                },
            )
        except exceptions.ResourceAlreadyExists:
            made = self._client.resource.get(kind, resource)
        if meter in made['metrics']:
            return made['metrics'][meter]
        added = self._client.metric.create(
            {
                'name': meter,
                'resource_id': made['id'],
                'archive_policy_name': self._policy,
            }
        )
        return added['id']
