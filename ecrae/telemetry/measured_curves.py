# SPDX-License-Identifier: Apache-2.0

"""Power curves of hosts, out of what telemetry remembers of them."""

import dataclasses
import datetime
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.kb import measured_curves
from ecrae.model import accelerators
from ecrae.model import fit
from ecrae.model import pairing
from ecrae.model import power as watts
from ecrae.model.cluster import Accelerator
from ecrae.model.fit import Fit
from ecrae.model.knowledge import Knowledge
from ecrae.model.power import PowerCurve
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.telemetry.history import History


#: A curve out of fewer moments than this could be one afternoon's whim.
MIN_SAMPLES = 30


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one host."""

    host: str
    samples: int
    #: None where the host was refused.
    fit: Fit | None = None
    profile: PowerProfile | None = None
    reason: str = ''


def measure(
    known: Knowledge, history: History, hosts: Iterable[str]
) -> list[Outcome]:
    """Fit the curve of each host, starting from its node type's.

    It starts there even for a host that was measured before, so that the
    same readings give the same curve. What accelerators drew above idle is
    taken off the watts first, as far as their load was measured.

    :raises ConfigError: no source is configured.
    :raises CloudError: no source answered.
    """
    busy = history.read(Subject.HOST, Metric.UTILIZATION)
    power = history.read(Subject.HOST, Metric.POWER_W)
    names = list(hosts)
    if any(accelerators.idle_w(_boards(known, name)) for name in names):
        boards = history.read(Subject.HOST, Metric.ACCELERATOR_UTILIZATION)
        for name in boards.keys() & power.keys() & known.hosts.keys():
            power[name] = _without_boards(
                power[name], boards[name], _boards(known, name)
            )
    return list(_outcomes(known, history, names, busy, power))


def _boards(known: Knowledge, host: str) -> tuple[Accelerator, ...]:
    return known.node_types[known.hosts[host].node_type].accelerators


def _without_boards(
    power: Sequence[Reading],
    boards: Sequence[Reading],
    fitted: Sequence[Accelerator],
) -> list[Reading]:
    """Watts as if the accelerators had been idle."""
    curve = accelerators.busy_curve_w(fitted)
    load = np.interp(
        [reading.measured_at for reading in power],
        [reading.measured_at for reading in boards],
        [reading.value for reading in boards],
    )
    busy_w = watts.watts(np.broadcast_to(curve, (len(load), len(curve))), load)
    return [
        dataclasses.replace(reading, value=max(0.0, reading.value - off))
        for reading, off in zip(power, busy_w.tolist(), strict=True)
    ]


def _outcomes(
    known: Knowledge,
    history: History,
    hosts: Iterable[str],
    busy: Mapping[str, Sequence[Reading]],
    power: Mapping[str, Sequence[Reading]],
) -> Iterator[Outcome]:
    for host in hosts:
        series = busy.get(host, ()), power.get(host, ())
        utilization, power_w = pairing.pair(*series)
        samples = len(utilization)
        if samples < MIN_SAMPLES:
            yield Outcome(
                host=host, samples=samples, reason=_too_few(*series, samples)
            )
            continue
        node_type = known.node_types[known.hosts[host].node_type]
        try:
            found = fit.fit(node_type.curve, utilization, power_w)
        except ValueError as error:
            yield Outcome(host=host, samples=samples, reason=str(error))
            continue
        sources = f'{series[0][0].source} and {series[1][0].source}'
        yield Outcome(
            host=host,
            samples=samples,
            fit=found,
            profile=PowerProfile(
                name=measured_curves.profile_name(host),
                curve=_rounded(found.curve),
                quality=Quality.MEASURED,
                source=_text(found, history, node_type.power_profile, sources),
            ),
        )


def _too_few(
    busy: Sequence[Reading], power: Sequence[Reading], samples: int
) -> str:
    return (
        f'{samples} moments with both utilization and watts, of at least '
        f'{MIN_SAMPLES} ({len(busy)} readings of utilization, {len(power)} '
        'of watts)'
    )


def _rounded(curve: PowerCurve) -> PowerCurve:
    return PowerCurve(
        tuple(round(reading, 2) for reading in curve.power_w),
        round(curve.sleep_w, 2),
    )


def _text(found: Fit, history: History, start: str, sources: str) -> str:
    day = datetime.datetime.fromtimestamp(history.stop, datetime.UTC).date()
    low, high = found.observed
    return (
        f'fitted on {day} to {found.samples} moments of the '
        f'{(history.stop - history.start) / 3600:g} hours before, by {sources}'
        f', between {low:.0%} and {high:.0%} load; mean error '
        f'{found.mean_error_w:.1f} W, 95 % within {found.p95_error_w:.1f} W; '
        f'elsewhere {start} shifted'
    )
