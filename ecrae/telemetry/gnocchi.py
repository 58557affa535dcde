# SPDX-License-Identifier: Apache-2.0

"""Readings from Gnocchi, under the names that Ceilometer publishes.

One aggregates request for each metric answers for all hosts or instances.
Ceilometer's ``gnocchi_resources.yaml`` fixes the resource types; units are
those of Ceilometer's measurements page.
"""

import dataclasses
import datetime
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import gnocchiclient.exceptions
import gnocchiclient.v1.client
import keystoneauth1.exceptions
import keystoneauth1.session

from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.telemetry.metered import MeteredSource


NANOSECONDS = 1e9

#: What Gnocchi answers for a meter or a type that Ceilometer has not made.
_NOTHING_YET = ('not found', 'does not exist')


@dataclasses.dataclass(frozen=True, slots=True)
class _Meter:
    """How Ceilometer publishes one of our metrics."""

    subject: Subject
    metric: Metric
    name: str
    aggregation: str
    resource_type: str
    #: Attribute of the resource that holds the hostname or UUID.
    attribute: str
    #: From (value, granularity in seconds) to our unit.
    convert: Callable[[float, float], float]


METERS = (
    _Meter(
        Subject.HOST,
        Metric.UTILIZATION,
        'compute.node.cpu.percent',
        'mean',
        'nova_compute',
        'host_name',
        lambda percent, _: percent / 100.0,
    ),
    _Meter(
        Subject.HOST,
        Metric.POWER_W,
        'hardware.ipmi.node.power',
        'mean',
        'ipmi',
        'original_resource_id',
        lambda power_w, _: power_w,
    ),
    _Meter(
        # Cumulative nanoseconds; rate:mean is what one granule added.
        Subject.INSTANCE,
        Metric.CPU_CORES_USED,
        'cpu',
        'rate:mean',
        'instance',
        'id',
        lambda spent_ns, granule_s: spent_ns / (NANOSECONDS * granule_s),
    ),
    _Meter(
        Subject.INSTANCE,
        Metric.MEMORY_USED_MIB,
        'memory.usage',
        'mean',
        'instance',
        'id',
        lambda memory_mib, _: memory_mib,
    ),
)


class GnocchiSource(MeteredSource[_Meter]):
    """Asks Gnocchi for what Ceilometer's agents put there.

    :param granularity_s: granularity of the metrics' archive policy.
    :param window_s: how far back the newest reading may lie.
    """

    name = 'gnocchi'
    meters = METERS

    def __init__(
        self,
        session: keystoneauth1.session.Session,
        *,
        granularity_s: int,
        window_s: int,
    ) -> None:
        self._granularity_s = granularity_s
        super().__init__(window_s)
        self._client = gnocchiclient.v1.client.Client(
            session=session, adapter_options={'connect_retries': 0}
        )

    def _read(
        self, meter: _Meter, start: float, stop: float
    ) -> Iterator[Reading]:
        answer = self._fetch(meter, start, stop)
        resources = {
            reference['id']: reference
            for reference in answer.get('references', [])
        }
        for resource_id, metrics in answer['measures'].items():
            resource = resources.get(resource_id, {})
            # A resource that has ended speaks of a host or server gone.
            name = resource.get(meter.attribute)
            if not name or resource.get('ended_at'):
                continue
            measures = metrics.get(meter.name, {}).get(meter.aggregation, [])
            for at, granule_s, value in measures:
                yield Reading(
                    subject=meter.subject,
                    name=str(name),
                    metric=meter.metric,
                    value=meter.convert(float(value), float(granule_s)),
                    # A granule is stamped with its start and tells its mean.
                    measured_at=at.timestamp() + float(granule_s),
                    source=self.name,
                    origin=str(resource_id),
                )

    def _fetch(
        self, meter: _Meter, start: float, stop: float
    ) -> dict[str, Any]:
        try:
            return self._client.aggregates.fetch(
                ['metric', meter.name, meter.aggregation],
                search={'=': {'ended_at': None}},
                resource_type=meter.resource_type,
                start=_utc(start),
                stop=_utc(stop),
                granularity=self._granularity_s,
                details=True,
            )
        except gnocchiclient.exceptions.NotFound:
            # Nobody has published this meter yet.
            return {'measures': {}}
        except gnocchiclient.exceptions.BadRequest as error:
            if any(reason in str(error).lower() for reason in _NOTHING_YET):
                return {'measures': {}}
            raise exception.CloudError(
                f'Gnocchi refused to read {meter.name}: {error}'
            ) from error
        except (
            gnocchiclient.exceptions.ClientException,
            keystoneauth1.exceptions.ClientException,
            # What gnocchiclient makes of a proxy's error page.
            KeyError,
            OSError,
        ) as error:
            raise exception.CloudError(
                f'Gnocchi did not answer for {meter.name}: {error}'
            ) from error


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
