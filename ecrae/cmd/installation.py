# SPDX-License-Identifier: Apache-2.0

"""What can be wrong with an installation of ECRAE, as sentences.

Each function looks at one side of it and returns the faults it finds, with
what to do; an empty list says that this side is fine.
"""

import collections
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from ecrae.cmd.service_file import ServiceFile
from ecrae.model.knowledge import Knowledge
from ecrae.model.reading import Reading


PACKAGE = 'ecrae.scheduler_filters'

#: Filters by name: where they are, and whether ECRAE is not whole without.
FILTERS = {
    'EcraeTagFilter': (f'{PACKAGE}.tag_filter.EcraeTagFilter', True),
    'EcraeDrainFilter': (f'{PACKAGE}.drain_filter.EcraeDrainFilter', False),
    'EcraePowerCapFilter': (
        f'{PACKAGE}.power_cap_filter.EcraePowerCapFilter',
        False,
    ),
    'EcraeShortlistFilter': (
        f'{PACKAGE}.shortlist_filter.EcraeShortlistFilter',
        False,
    ),
}
#: The filter that must see what all others leave.
LAST = 'EcraeShortlistFilter'
WEIGHER = f'{PACKAGE}.energy_weigher.EcraeEnergyWeigher'

NOVAS_FILTERS = 'nova.scheduler.filters.all_filters'
NOVAS_WEIGHERS = 'nova.scheduler.weights.all_weighers'

#: Hosts named in one sentence.
NAMED = 5


def nova_plugins(file: ServiceFile) -> list[str]:
    """Faults of ``[filter_scheduler]`` in nova.conf."""
    section = 'filter_scheduler'
    available = file.values(section, 'available_filters')
    enabled = file.items(section, 'enabled_filters')
    weighers = file.items(section, 'weight_classes')
    found = []
    for name, (path, is_needed) in FILTERS.items():
        if name not in enabled and is_needed:
            found.append(f'enabled_filters lacks {name}')
        if name in enabled and path not in available:
            found.append(
                f'{name} is enabled but not available: '
                f'add a line available_filters = {path}'
            )
    if LAST in enabled and enabled[-1] != LAST:
        found.append(
            f'{LAST} is not the last of enabled_filters: the filters after '
            'it may refuse all hosts that it leaves'
        )
    if available and NOVAS_FILTERS not in available:
        found.append(
            "available_filters lacks Nova's own: "
            f'add a line available_filters = {NOVAS_FILTERS}'
        )
    if WEIGHER not in weighers:
        found.append(f'weight_classes lacks {WEIGHER}')
    if weighers and NOVAS_WEIGHERS not in weighers:
        found.append(
            f"weight_classes lacks Nova's own, {NOVAS_WEIGHERS}: without "
            'BuildFailureWeigher a broken host attracts every server'
        )
    return found + _strangers([*available, *weighers])


def _strangers(paths: Iterable[str]) -> list[str]:
    """Paths into ECRAE where there is nothing; Nova would not start."""
    known = {WEIGHER, *(path for path, _ in FILTERS.values())}
    return [
        f'{path} does not exist; there are {", ".join(sorted(known))}'
        for path in paths
        if path.startswith('ecrae.') and path not in known
    ]


def heat_plugin(file: ServiceFile, plugin_dir: str) -> list[str]:
    """Faults of heat.conf.

    :param plugin_dir: where ECRAE's Heat resources are.
    """
    if plugin_dir in file.items('DEFAULT', 'plugin_dirs'):
        return []
    return [f'[DEFAULT] plugin_dirs lacks {plugin_dir}']


def knowledge(known: Knowledge) -> list[str]:
    """Faults of what is in the knowledge base."""
    if known.tags and known.node_types:
        return []
    return [
        'it has no tags or no node types: run "ecrae-manage kb import '
        '--builtin", or import your own'
    ]


def hosts(known: Knowledge, hypervisors: Sequence[Any]) -> list[str]:
    """Compute nodes that the knowledge base does not know, or mistakes."""
    unknown = sorted(
        each.host
        for each in hypervisors
        if each.hypervisor_hostname not in known.hosts
        and each.host not in known.hosts
    )
    named = collections.Counter(
        each.hypervisor_hostname
        if each.hypervisor_hostname in known.hosts
        else each.host
        for each in hypervisors
    )
    shared = sorted(
        name
        for name, count in named.items()
        if count > 1 and name in known.hosts
    )
    found = []
    if unknown:
        found.append(
            f'{_listed(unknown)} unknown: exact tags do not use such a '
            'host, hint tags use it last; "ecrae-manage kb import" adds one'
        )
    if shared:
        found.append(
            f'several compute nodes share {_listed(shared)}: name each by '
            'its hypervisor hostname instead'
        )
    return found


def telemetry(
    readings: Sequence[Reading], now: float, max_age_s: float
) -> list[str]:
    """Faults of what ecrae-collector keeps.

    :param now: seconds since the epoch.
    """
    if not readings:
        return [
            'sources are configured, but nothing was ever measured: is '
            'ecrae-collector running? "ecrae-manage telemetry check" tells '
            'what the sources answer'
        ]
    age_s = now - max(reading.measured_at for reading in readings)
    if age_s <= max_age_s:
        return []
    return [
        f'the newest measurement is {age_s:.0f} s old, max_age is '
        f'{max_age_s:.0f}: is ecrae-collector running?'
    ]


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    noun = 'host' if len(names) == 1 else 'hosts'
    tail = f' and {rest} more' if rest > 0 else ''
    return f'{noun} {", ".join(names[:NAMED])}{tail}'
