# SPDX-License-Identifier: Apache-2.0

"""Snapshots as JSON documents: what ``ecrae rebalance`` reads.

The shape is in ``data/snapshot.schema.json``. Every fault of a document is
reported at once, each with its path, such as ``hosts[2].idle_w``.
"""

import importlib.resources
import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import jsonschema

from ecrae import exception
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.model import load
from ecrae.model import power
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import HostState


#: Watts for each CPU of a host of which none are known, idle and at full
#: load: medians of the SPECpower_ssj2008 results for servers since 2017,
#: for each hardware thread.
UNKNOWN_IDLE_W = 0.55
UNKNOWN_MAX_W = 3.75

LONGEST_MESSAGE = 160

#: Other words for states.
STATES = {
    'up': HostState.AWAKE,
    'on': HostState.AWAKE,
    'enabled': HostState.AWAKE,
    'off': HostState.ASLEEP,
    'disabled': HostState.DRAINING,
    'maintenance': HostState.DRAINING,
}


def schema(name: str) -> Any:
    """One of the JSON Schemas of the package: ``snapshot`` or ``plan``."""
    folder = importlib.resources.files('ecrae.migration') / 'data'
    return json.loads((folder / f'{name}.schema.json').read_text('utf-8'))


def read(text: str, source: str) -> Snapshot:
    """The snapshot that a document says.

    :param source: what the user calls the document.
    :raises InputError: it is no snapshot; lists every fault with its path.
    """
    document = _parsed(text, source)
    faults = _schema_faults(document)
    if not faults:
        faults = _reference_faults(document)
    hosts: list[Host] = []
    if not faults:
        for index, entry in enumerate(document['hosts']):
            try:
                hosts.append(_host(entry))
            except ValueError as error:
                field = _power_field(entry)
                faults.append(f'hosts[{index}].{field}: {error}')
    if faults:
        raise exception.InputError(source=source, faults=faults)
    return Snapshot(
        hosts=tuple(hosts),
        workloads=tuple(_workload(entry) for entry in document['workloads']),
    )


def _parsed(text: str, source: str) -> Any:
    try:
        return json.loads(
            text, parse_constant=_refuse, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        fault = f'line {error.lineno} column {error.colno}: {error.msg}'
    except ValueError as error:
        fault = str(error)
    except RecursionError:
        fault = 'nested too deeply'
    raise exception.InputError(source=source, faults=[f'not JSON: {fault}'])


def _refuse(constant: str) -> float:
    raise ValueError(f'{constant} is not a number')


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key "{twice}" is given twice in one object')
    return found


def _schema_faults(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema('snapshot'))
    errors = sorted(
        validator.iter_errors(document),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    return [
        f'{_path(error.absolute_path)}: {_short(error.message)}'
        for error in errors
    ]


def _short(message: str) -> str:
    """A message without the whole document that it may quote."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    half = LONGEST_MESSAGE // 2
    return f'{message[:half]} … {message[-half:]}'


def _path(parts: Iterable[str | int]) -> str:
    path = ''
    for part in parts:
        if isinstance(part, int):
            path += f'[{part}]'
        else:
            path += f'.{part}' if path else part
    return path or 'document'


def _reference_faults(document: Mapping[str, Any]) -> list[str]:
    """What a schema cannot say: names are unique and hosts exist."""
    hosts = [entry['name'] for entry in document['hosts']]
    known = set(hosts)
    faults = [
        f'hosts[{index}].name: "{name}" is taken by another host'
        for index, name in _repeated(hosts)
    ]
    workloads = document['workloads']
    faults += [
        f'workloads[{index}].id: "{name}" is taken by another workload'
        for index, name in _repeated([_id(entry) for entry in workloads])
    ]
    faults += [
        f'workloads[{index}].host: there is no host "{entry["host"]}"'
        for index, entry in enumerate(workloads)
        if entry['host'] not in known
    ]
    return faults


def _repeated(names: Sequence[str]) -> list[tuple[int, str]]:
    seen: set[str] = set()
    found = []
    for index, name in enumerate(names):
        if name in seen:
            found.append((index, name))
        seen.add(name)
    return found


def _id(entry: Mapping[str, Any]) -> str:
    name: str = entry.get('id') or entry['name']
    return name


def _power_field(entry: Mapping[str, Any]) -> str:
    """The field that a fault of the power curve is about."""
    idle_w = entry.get('power_curve_w', [entry.get('idle_w')])[0]
    if idle_w is None:
        idle_w = UNKNOWN_IDLE_W * entry['vcpus']
    if entry.get('sleep_w', 0.0) > idle_w:
        return 'sleep_w'
    return 'power_curve_w' if 'power_curve_w' in entry else 'max_w'


def _curve(entry: Mapping[str, Any]) -> power.PowerCurve:
    sleep_w = float(entry.get('sleep_w', 0.0))
    if 'power_curve_w' in entry:
        watts = tuple(float(value) for value in entry['power_curve_w'])
        return power.PowerCurve(watts, sleep_w)
    idle_w = entry.get('idle_w', UNKNOWN_IDLE_W * entry['vcpus'])
    max_w = entry.get('max_w', UNKNOWN_MAX_W * entry['vcpus'])
    return power.linear(idle_w, max_w, sleep_w)


def _given(entry: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Fields as they are, without those that are absent or null."""
    return {name: entry[name] for name in names if entry.get(name) is not None}


def _sets(entry: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {
        name: frozenset(values)
        for name, values in _given(entry, names).items()
    }


def _accelerators(entry: Mapping[str, Any]) -> tuple[Accelerator, ...]:
    return tuple(
        Accelerator(**device) for device in entry.get('accelerators', ())
    )


def _host(entry: Mapping[str, Any]) -> Host:
    plain = (
        'name',
        'vcpus',
        'memory_mib',
        'disk_gib',
        'architecture',
        'hypervisor_type',
        'cpu_allocation_ratio',
        'ram_allocation_ratio',
        'disk_allocation_ratio',
        'zone',
        'node_type',
        'rack',
        'core_speed',
        'watt_weight',
    )
    state = entry.get('state') or HostState.AWAKE
    return Host(
        curve=_curve(entry),
        state=STATES.get(state) or HostState(state),
        accelerators=_accelerators(entry),
        **_given(entry, plain),
        **_sets(entry, ('aggregates', 'traits')),
    )


def _workload(entry: Mapping[str, Any]) -> Workload:
    plain = (
        'name',
        'host',
        'vcpus',
        'memory_mib',
        'disk_gib',
        'kind',
        'architecture',
        'tag',
        'affinity_group',
        'anti_affinity_group',
        'pinned',
        'cooldown_s',
        'zone',
    )
    sets = (
        'node_types',
        'aggregates',
        'required_traits',
        'forbidden_traits',
    )
    guess = {
        'cpu_cores_used': entry['vcpus'] * load.DEFAULT_BUSY_FRACTION,
        'memory_used_mib': entry['memory_mib'],
    }
    return Workload(
        id=_id(entry),
        accelerators=_accelerators(entry),
        **_given(entry, plain),
        **_sets(entry, sets),
        **{**guess, **_given(entry, guess)},
    )
