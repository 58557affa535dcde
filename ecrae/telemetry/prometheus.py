# SPDX-License-Identifier: Apache-2.0

"""Readings from Prometheus, as the usual exporters publish them.

node_exporter gives hosts' CPU and memory, the libvirt exporter instances'
CPU and memory, Kepler or Scaphandre watts, DCGM the load of GPUs, balancers
and web servers their requests. Any query can be replaced by an option, so a
PDU or a vendor's exporter serves as well.
"""

from collections.abc import Iterator
from collections.abc import Mapping

import observabilityclient.prometheus_client as client
import requests
import requests.adapters

from ecrae import exception
from ecrae.model.reading import METRICS
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


Key = tuple[Subject, Metric]

#: Label that holds an instance's UUID in the built-in queries.
INSTANCE_LABEL = 'uuid'

#: Counters of requests, those of a load balancer's members first: they count
#: what no server is asked to tell. Only series that bear an instance's UUID
#: say whose requests they are; examples/prometheus-requests.yml gives it them.
REQUESTS = (
    'haproxy_server_http_responses_total',
    'octavia_member_http_responses_total',
    'nginx_http_requests_total',
    'apache_accesses_total',
    'haproxy_frontend_http_requests_total',
    'http_requests_total',
)

#: PromQL for each metric, in ECRAE's units; ``{host}`` is the host label.
QUERIES: dict[Key, str] = {
    (Subject.HOST, Metric.UTILIZATION): (
        '1 - avg by ({host}) (rate(node_cpu_seconds_total{{mode="idle"}}[5m]))'
    ),
    (Subject.HOST, Metric.MEMORY_USED_MIB): (
        'sum by ({host}) (node_memory_MemTotal_bytes'
        ' - node_memory_MemAvailable_bytes) / 1048576'
    ),
    # Kepler measures joules, Scaphandre microwatts; a host that runs both is
    # believed once, Kepler first, because it also counts DRAM.
    (Subject.HOST, Metric.POWER_W): (
        'sum by ({host}) (rate(kepler_node_platform_joules_total[5m]))'
        ' or sum by ({host}) (scaph_host_power_microwatts) / 1e6'
    ),
    # The mean of all GPUs, by NVIDIA's DCGM exporter or nvidia_gpu_exporter.
    (Subject.HOST, Metric.ACCELERATOR_UTILIZATION): (
        'avg by ({host}) (DCGM_FI_DEV_GPU_UTIL) / 100'
        ' or avg by ({host}) (nvidia_smi_utilization_gpu_ratio)'
    ),
    (Subject.INSTANCE, Metric.CPU_CORES_USED): (
        'sum by (uuid) (rate(libvirt_domain_info_cpu_time_seconds_total[5m])'
        ' * on (domain) group_left (uuid)'
        ' max by (domain, uuid) (libvirt_domain_info_meta))'
    ),
    (Subject.INSTANCE, Metric.MEMORY_USED_MIB): (
        'sum by (uuid) (libvirt_domain_memory_stats_rss_bytes'
        ' * on (domain) group_left (uuid)'
        ' max by (domain, uuid) (libvirt_domain_info_meta)) / 1048576'
    ),
    (Subject.INSTANCE, Metric.REQUESTS_PER_S): ' or '.join(
        f'sum by (uuid) (rate({counter}{{{{uuid!=""}}}}[5m]))'
        for counter in REQUESTS
    ),
}


def parse_queries(texts: list[str]) -> dict[Key, str]:
    """Queries out of ``SUBJECT.METRIC=QUERY`` options.

    :raises ConfigError: a text is not of that form, or names no metric.
    """
    queries: dict[Key, str] = {}
    valid = [f'{s}.{m}' for s, metrics in METRICS.items() for m in metrics]
    for text in texts:
        name, equals, query = text.partition('=')
        if name.strip() not in valid or not query.strip() or not equals:
            raise exception.ConfigError(
                f'[ecrae_telemetry] prometheus_query = {text}: expected '
                f'SUBJECT.METRIC=QUERY with one of {", ".join(valid)}.'
            )
        subject, _, metric = name.strip().partition('.')
        queries[Subject(subject), Metric(metric)] = query.strip()
    return queries


class _TimeoutAdapter(requests.adapters.HTTPAdapter):
    """Give every request of a session a time limit."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        super().__init__()

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **kwargs: object
    ) -> requests.Response:
        """Send, giving up after the time limit."""
        kwargs['timeout'] = self._timeout_s
        return super().send(request, **kwargs)  # type: ignore[arg-type]


class PrometheusSource:
    """Asks Prometheus one query for each metric.

    :param url: base URL, with a path where Prometheus is behind a proxy.
    :param ca_file: certificates to check an https server against; the
        machine's own where empty.
    :param queries: replacements for :data:`QUERIES`.
    """

    name = 'prometheus'

    def __init__(
        self,
        url: str,
        *,
        host_label: str,
        timeout_s: float,
        ca_file: str = '',
        username: str = '',
        password: str = '',
        queries: Mapping[Key, str] | None = None,
    ) -> None:
        session = requests.Session()
        session.verify = ca_file or True
        if username:
            session.auth = (username, password)
        session.mount('http://', _TimeoutAdapter(timeout_s))
        session.mount('https://', _TimeoutAdapter(timeout_s))
        scheme, _, rest = url.partition('://')
        host, _, path = rest.strip('/').partition('/')
        self._client = client.PrometheusAPIClient(
            host, session=session, root_path=path, scheme=scheme
        )
        self._host_label = host_label
        built_in = {
            key: query.format(host=host_label)
            for key, query in QUERIES.items()
        }
        self._queries = {**built_in, **(queries or {})}

    def latest(self, now: float) -> list[Reading]:
        """What each query answers for this moment."""
        return [
            reading
            for key in self._queries
            for reading in self._instant(key, now)
        ]

    def history(
        self, subject: Subject, metric: Metric, start: float, stop: float
    ) -> list[Reading]:
        """A reading every minute, or every thousandth of a long span."""
        query = self._queries.get((subject, metric))
        if query is None:
            return []
        step_s = max(60.0, (stop - start) / 1000)
        answer = self._ask(
            'query_range',
            {'query': query, 'start': start, 'end': stop, 'step': step_s},
            metric,
        )
        return [
            reading
            for series in answer
            for at, value in series['values']
            for reading in self._reading(
                (subject, metric), series['metric'], at, value
            )
        ]

    def _instant(self, key: Key, now: float) -> Iterator[Reading]:
        params = {'query': self._queries[key], 'time': now}
        for series in self._ask('query', params, key[1]):
            at, value = series['value']
            yield from self._reading(key, series['metric'], at, value)

    def _reading(
        self, key: Key, labels: Mapping[str, str], at: float, value: str
    ) -> Iterator[Reading]:
        subject, metric = key
        label = self._host_label if subject is Subject.HOST else INSTANCE_LABEL
        name = labels.get(label, '')
        if subject is Subject.HOST:
            name = name.partition(':')[0]
        if name:
            yield Reading(
                subject=subject,
                name=name,
                metric=metric,
                value=float(value),
                measured_at=float(at),
                source=self.name,
                origin=labels[label],
            )

    def _ask(
        self, endpoint: str, params: dict[str, object], metric: Metric
    ) -> list[dict]:
        # The client's own query() knows neither a moment nor a range.
        try:
            answer = self._client._get(endpoint, params)
        except client.PrometheusAPIClientError as error:
            raise exception.CloudError(
                f'Prometheus refused the query for {metric}: {error}'
            ) from error
        except (requests.RequestException, ValueError) as error:
            raise exception.CloudError(
                f'Prometheus did not answer for {metric}: {error}'
            ) from error
        return answer['data']['result']
