# SPDX-License-Identifier: Apache-2.0

"""Readings from Ceilometer's v2 API, for clouds that still run it.

The API left Ceilometer in the Queens release and lives on in long-term
support clouds. Samples, not statistics, are asked for, because only they
carry the metadata with the hostname and the number of vCPUs.
"""

import dataclasses
import datetime
import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import ceilometerclient.exc
import ceilometerclient.v2.client
import keystoneauth1.exceptions
import keystoneauth1.session

from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.telemetry.metered import MeteredSource


Metadata = Mapping[str, Any]

#: Samples asked for at once; more hosts than this need a newer telemetry
#: store anyway.
LIMIT = 20000


_FAILURES = (
    ceilometerclient.exc.BaseException,
    keystoneauth1.exceptions.ClientException,
    OSError,
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Meter:
    subject: Subject
    metric: Metric
    name: str
    #: From (volume, metadata) to our unit.
    convert: Callable[[float, Metadata], float]


def _cores(percent: float, metadata: Metadata) -> float:
    """Cores busy: ``cpu_util`` is per cent of all the instance's vCPUs."""
    flavor = metadata.get('flavor')
    vcpus = (
        metadata.get('cpu_number')
        or metadata.get('vcpus')
        or (flavor.get('vcpus') if isinstance(flavor, dict) else None)
        or metadata.get('flavor.vcpus')
        or 1
    )
    return percent / 100.0 * float(vcpus)


METERS = (
    _Meter(
        Subject.HOST,
        Metric.UTILIZATION,
        'compute.node.cpu.percent',
        lambda percent, _: percent / 100.0,
    ),
    _Meter(
        Subject.HOST,
        Metric.POWER_W,
        'hardware.ipmi.node.power',
        lambda power_w, _: power_w,
    ),
    _Meter(Subject.INSTANCE, Metric.CPU_CORES_USED, 'cpu_util', _cores),
    _Meter(
        Subject.INSTANCE,
        Metric.MEMORY_USED_MIB,
        'memory.usage',
        lambda memory_mib, _: memory_mib,
    ),
)


class CeilometerSource(MeteredSource[_Meter]):
    """Asks Ceilometer's v2 API for samples.

    :param window_s: how far back the newest reading may lie.
    """

    name = 'ceilometer'
    meters = METERS

    def __init__(
        self, session: keystoneauth1.session.Session, *, window_s: int
    ) -> None:
        super().__init__(window_s)
        self._session = session

    @functools.cached_property
    def _client(self) -> ceilometerclient.v2.client.Client:
        # Its constructor asks the cloud for Aodh and Panko.
        try:
            return ceilometerclient.v2.client.Client(
                session=self._session, service_type='metering'
            )
        except _FAILURES as error:
            raise exception.CloudError(
                f'Ceilometer cannot be reached: {error}'
            ) from error

    def _read(
        self, meter: _Meter, start: float, stop: float
    ) -> Iterator[Reading]:
        # The API answers newest first.
        for sample in reversed(self._fetch(meter, start, stop)):
            metadata = sample.resource_metadata or {}
            name = sample.resource_id
            if meter.subject is Subject.HOST:
                name = metadata.get('host') or metadata.get('node') or name
            yield Reading(
                subject=meter.subject,
                name=str(name),
                metric=meter.metric,
                value=meter.convert(float(sample.counter_volume), metadata),
                measured_at=_epoch(sample.timestamp),
                source=self.name,
                origin=str(sample.resource_id),
            )

    def _fetch(self, meter: _Meter, start: float, stop: float) -> list[Any]:
        query = [
            {'field': 'timestamp', 'op': 'ge', 'value': _text(start)},
            {'field': 'timestamp', 'op': 'le', 'value': _text(stop)},
        ]
        try:
            return self._client.samples.list(
                meter_name=meter.name, q=query, limit=LIMIT
            )
        except ceilometerclient.exc.HTTPNotFound:
            return []
        except _FAILURES as error:
            raise exception.CloudError(
                f'Ceilometer did not answer for {meter.name}: {error}'
            ) from error


def _text(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.replace(tzinfo=None).isoformat()


def _epoch(text: str) -> float:
    """Seconds since the epoch; Ceilometer writes UTC without a zone."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()
