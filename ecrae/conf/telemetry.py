# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_telemetry]``: where measurements come from."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_telemetry',
    title='Telemetry',
    help='Sources of measured load and power, and how far to trust them.',
)

SOURCES = ('gnocchi', 'prometheus', 'ceilometer', 'file', 'agent')

OPTIONS: list[cfg.Opt] = [
    cfg.ListOpt(
        'sources',
        default=[],
        item_type=cfg.types.String(choices=SOURCES),
        help="""
Telemetry sources, the most trusted first.

For each host and metric the first source that has a credible reading is
believed; a source that is slow or down is left out until it answers again.
Where no source has one, load is estimated from what Placement has given out.

Possible values:

* ``gnocchi``: what Ceilometer's agents publish to Gnocchi
* ``prometheus``: node_exporter, libvirt exporter, Kepler or Scaphandre, DCGM,
  counters of requests
* ``ceilometer``: Ceilometer's v2 API, for clouds that still run it
* ``file``: a document that another program writes, see ``file``
* ``agent``: utilization and power that ``ecrae-agent`` measures on its host
* nothing: load is always estimated
""",
    ),
    cfg.DictOpt(
        'metric_sources',
        default={},
        help="""
Sources of single metrics, where they differ from ``sources``.

Possible values:

* a metric (``utilization``, ``memory_used_mib``, ``power_w``,
  ``accelerator_utilization``, ``cpu_cores_used``, ``requests_per_s``), a
  colon, and sources separated by ``|``: for example
  ``power_w:prometheus|gnocchi``
""",
    ),
    cfg.IntOpt(
        'interval',
        default=60,
        min=5,
        help='Seconds between two readings of all sources.',
    ),
    cfg.IntOpt(
        'max_age',
        default=600,
        min=10,
        help="""
Seconds after which a reading is not believed any more.

Keep it above twice the interval at which your agents measure: Ceilometer
polls every 300 seconds unless told otherwise.
""",
    ),
    cfg.IntOpt(
        'timeout',
        default=20,
        min=1,
        help="""
Seconds to wait for a source.

What answered in time is used; a source that has not is asked again only once
its last question ended.
""",
    ),
    cfg.IntOpt(
        'granularity',
        default=300,
        min=1,
        help="""
Granularity in seconds of the archive policy that Gnocchi's metrics have.

Related options:

* ``max_age`` should be at least twice this
""",
    ),
    cfg.URIOpt(
        'prometheus_url',
        schemes=['http', 'https'],
        help="""
Base URL of Prometheus, such as ``http://monitor:9090``.

Needed where ``sources`` names ``prometheus``.
""",
    ),
    cfg.StrOpt(
        'prometheus_ca_file',
        help='Certificates that Prometheus is checked against.',
    ),
    cfg.StrOpt(
        'prometheus_username', help='User for HTTP basic authentication.'
    ),
    cfg.StrOpt(
        'prometheus_password',
        secret=True,
        help='Password for HTTP basic authentication.',
    ),
    cfg.StrOpt(
        'prometheus_host_label',
        default='instance',
        help="""
Label that holds the hostname as Nova knows it.

A port, as in ``compute-1:9100``, is cut off.
""",
    ),
    cfg.MultiStrOpt(
        'prometheus_query',
        default=[],
        help="""
PromQL for a metric, in place of the built-in one. May be given repeatedly.

Possible values:

* ``SUBJECT.METRIC=QUERY``: for example
  ``host.power_w=sum by (instance) (my_pdu_watts)``. The subjects are
  ``host`` and ``instance``; an instance's UUID is read from the label
  ``uuid``.
""",
    ),
    cfg.StrOpt(
        'file',
        help="""
Path of the document that the source ``file`` reads.

Its format is the one that ``ecrae-manage telemetry show -f json`` prints.
""",
    ),
]
