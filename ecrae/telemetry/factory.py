# SPDX-License-Identifier: Apache-2.0

"""Telemetry as ``[ecrae_telemetry]`` asks for it.

The clients of the telemetry services are imported where they are needed, so
that a host needs only the extra of the source it uses.
"""

import importlib
from collections.abc import Callable
from types import ModuleType

from oslo_config import cfg

from ecrae import exception
from ecrae.clients import session as sessions
from ecrae.conf import telemetry as options
from ecrae.kb.db import Database
from ecrae.model.knowledge import Knowledge
from ecrae.model.reading import Metric
from ecrae.telemetry import agent
from ecrae.telemetry import collection
from ecrae.telemetry.collector import Collector
from ecrae.telemetry.history import History
from ecrae.telemetry.source import Source


def make_collector(conf: cfg.ConfigOpts) -> Collector:
    """Collector over the configured sources.

    :raises ConfigError: an option is wrong, or a source's package is not
        installed.
    """
    return Collector(
        make_sources(conf),
        priority(conf),
        timeout_s=conf.ecrae_telemetry.timeout,
    )


def make_history(
    conf: cfg.ConfigOpts, known: Knowledge, start: float, stop: float
) -> History:
    """What the configured sources remember of a span of time.

    :param start: seconds since the epoch, as ``stop`` is.
    :raises ConfigError: an option is wrong, or a source's package is not
        installed.
    """
    return History(
        make_sources(conf),
        priority(conf),
        start,
        stop,
        collection.limits(known, conf.ecrae_telemetry.max_age),
    )


def make_sources(conf: cfg.ConfigOpts) -> list[Source]:
    """All sources that any metric is to be read from.

    :raises ConfigError: an option is wrong, or a source's package is not
        installed.
    """
    wanted = [name for names in priority(conf).values() for name in names]
    return [_MAKERS[name](conf) for name in dict.fromkeys(wanted)]


def priority(conf: cfg.ConfigOpts) -> dict[Metric, tuple[str, ...]]:
    """Sources of each metric, the most trusted first.

    :raises ConfigError: ``metric_sources`` names what is not there.
    """
    group = conf.ecrae_telemetry
    result = {metric: tuple(group.sources) for metric in Metric}
    for name, value in group.metric_sources.items():
        sources = tuple(part.strip() for part in value.split('|'))
        unknown = [s for s in sources if s not in options.SOURCES]
        if name not in list(Metric) or unknown:
            raise exception.ConfigError(
                f'[ecrae_telemetry] metric_sources = {name}:{value}: expected '
                f'one of {", ".join(Metric)} and, separated by "|", sources '
                f'out of {", ".join(options.SOURCES)}.'
            )
        result[Metric(name)] = sources
    return result


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(f'ecrae.telemetry.{name}')
    except ModuleNotFoundError as error:
        if (error.name or '').startswith('ecrae'):
            raise
        raise exception.ConfigError(
            f'[ecrae_telemetry] sources names {name}, which needs the Python '
            f'package {error.name}: pip install ecrae[{name}].'
        ) from error


def _gnocchi(conf: cfg.ConfigOpts) -> Source:
    group = conf.ecrae_telemetry
    return _load('gnocchi').GnocchiSource(
        sessions.from_options(conf).session,
        granularity_s=group.granularity,
        window_s=group.max_age,
    )


def _prometheus(conf: cfg.ConfigOpts) -> Source:
    group = conf.ecrae_telemetry
    if not group.prometheus_url:
        raise exception.ConfigError(
            '[ecrae_telemetry] sources names prometheus: set prometheus_url, '
            'for example to http://monitor:9090.'
        )
    module = _load('prometheus')
    return module.PrometheusSource(
        group.prometheus_url,
        host_label=group.prometheus_host_label,
        timeout_s=group.timeout,
        ca_file=group.prometheus_ca_file or '',
        username=group.prometheus_username or '',
        password=group.prometheus_password or '',
        queries=module.parse_queries(group.prometheus_query),
    )


def _ceilometer(conf: cfg.ConfigOpts) -> Source:
    return _load('ceilometer').CeilometerSource(
        sessions.from_options(conf).session,
        window_s=conf.ecrae_telemetry.max_age,
    )


def _file(conf: cfg.ConfigOpts) -> Source:
    path = conf.ecrae_telemetry.file
    if not path:
        raise exception.ConfigError(
            '[ecrae_telemetry] sources names file: set the option file to '
            'the path of the document.'
        )
    return _load('file').FileSource(path)


def _agent(conf: cfg.ConfigOpts) -> Source:
    return agent.AgentSource(Database(conf.ecrae_database.connection))


_MAKERS: dict[str, Callable[[cfg.ConfigOpts], Source]] = {
    'gnocchi': _gnocchi,
    'prometheus': _prometheus,
    'ceilometer': _ceilometer,
    'file': _file,
    'agent': _agent,
}
