# SPDX-License-Identifier: Apache-2.0

"""Make the built-in catalogue from inputs.yaml.

usage: python tools/catalogue/build.py > ecrae/kb/data/catalogue.yaml

The relative speed of a node type for a tag is

    s = 1 / Σ_k share_k / s_k

where ``share_k`` is the part of the tag's run time that goes with resource
*k* on the reference node type and ``s_k`` the node type's figure for *k*
over the reference's: SPECpower ssj_ops at full load per core, peak memory
bandwidth per core, or boost clock. What a tag asks of accelerators goes by
the rating of a board: where one is half as fast, twice as many are busy.
Containers gain 3 % for want of a virtual machine monitor (estimated; Felter
et al., ISPASS 2015, found 0 to 5 % of CPU time for KVM).
"""

import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from ecrae.kb import document


HERE = pathlib.Path(__file__).parent
HEADER = """\
# SPDX-License-Identifier: Apache-2.0
#
# The built-in catalogue, made by tools/catalogue/build.py: edit its
# inputs.yaml in place of this file.
"""
CONTAINER_GAIN = 1.03
MIB_IN_GIB = 1024


def build() -> str:
    """Text of the catalogue."""
    inputs = yaml.safe_load((HERE / 'inputs.yaml').read_text())
    return HEADER + document.render(
        {
            'power_profiles': _power_profiles(inputs['power_profiles']),
            'node_types': {
                name: _node_type(node_type, inputs)
                for name, node_type in sorted(inputs['node_types'].items())
            },
            'flavors': {
                name: _flavor(size, inputs['extra_specs'].get(name))
                for name, size in sorted(inputs['flavors'].items())
            },
            'tags': {
                name: _tag(tag, inputs)
                for name, tag in sorted(inputs['tags'].items())
            },
            'hosts': {},
        }
    )


def _power_profiles(profiles: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, profile in profiles.items():
        source = profile['source']
        if 'linear' in profile:
            idle, full = profile['linear']
            watts = [idle + (full - idle) * step / 10 for step in range(11)]
        else:
            watts = profile['power_w']
            source += ' (© SPEC), transcribed; sleep_w is estimated'
        made[name] = {
            'quality': profile['quality'],
            'source': source,
            # A board sleeps when its node does, which supplies it.
            'sleep_w': float(profile.get('sleep_w', 0)),
            'power_w': [round(float(watt), 1) for watt in watts],
        }
    return dict(sorted(made.items()))


def _node_type(node_type: dict[str, Any], inputs: Any) -> dict[str, Any]:
    cpu = inputs['cpus'][node_type['cpu']]
    made = {
        'architecture': cpu['architecture'],
        'cpu': cpu['cpu'],
        'cores': cpu['cores'],
        'threads': cpu['threads'],
        'memory_mib': node_type['memory_gib'] * MIB_IN_GIB,
        'disk_gib': node_type['disk_gib'],
        'hypervisor_type': node_type['hypervisor'],
        'power_profile': node_type['power_profile'],
    }
    if 'accelerator' in node_type:
        made['accelerators'] = [node_type['accelerator']]
    return made


def _flavor(
    size: list[int], extra_specs: dict[str, str] | None
) -> dict[str, Any]:
    vcpus, memory_gib, disk_gib = size
    made: dict[str, Any] = {
        'vcpus': vcpus,
        'memory_mib': memory_gib * MIB_IN_GIB,
        'disk_gib': disk_gib,
    }
    if extra_specs:
        made['extra_specs'] = extra_specs
    return made


def _tag(tag: dict[str, Any], inputs: Any) -> dict[str, Any]:
    reference = tag.get('reference', inputs['reference'])
    shares = ', '.join(
        f'{resource} {share:g}' for resource, share in tag['shares'].items()
    )
    targets = [
        {
            'node_type': node_type,
            'flavor': flavor,
            'relative_speed': round(
                _speed(node_type, reference, tag['shares'], inputs), 3
            ),
            'expected_utilization': tag['busy'],
            **_boards(node_type, reference, tag, inputs),
        }
        for flavor in tag['flavors']
        for node_type in tag['node_types']
    ]
    return {
        'kind': tag.get('kind', 'hint'),
        'description': tag['description'],
        'source': (
            f'relative to {reference}; shares of the run time: {shares}. '
            'Shares and utilization are estimated, the figures behind the '
            'speeds published but for ThunderX2 and POWER.'
        ),
        'targets': [
            {
                **target,
                'preference': preference,
            }
            for preference, target in enumerate(targets, start=1)
        ],
    }


def _boards(
    node_type: str, reference: str, tag: dict[str, Any], inputs: Any
) -> dict[str, Any]:
    """Boards that do what the tag's keep busy on the reference node type."""
    if 'boards_busy' not in tag:
        return {}
    ratings = inputs['accelerator_ratings']
    mine, theirs = (
        inputs['node_types'][name]['accelerator']
        for name in (node_type, reference)
    )
    busy = tag['boards_busy'] * ratings[theirs['model']]
    return {
        'accelerator': mine['kind'],
        'accelerators_busy': round(busy / ratings[mine['model']], 3),
    }


def _speed(
    node_type: str, reference: str, shares: dict[str, float], inputs: Any
) -> float:
    mine = _figures(node_type, inputs)
    theirs = _figures(reference, inputs)
    time = sum(
        share * theirs[resource] / mine[resource]
        for resource, share in shares.items()
    )
    is_container = inputs['node_types'][node_type]['hypervisor'] == 'lxc'
    return (CONTAINER_GAIN if is_container else 1.0) / time


def _figures(name: str, inputs: Any) -> dict[str, float]:
    node_type = inputs['node_types'][name]
    cpu = inputs['cpus'][node_type['cpu']]
    return {
        'throughput': cpu['ssj_ops'] / cpu['cores'],
        'bandwidth': cpu['bandwidth_gb_s'] / cpu['cores'],
        'clock': cpu['clock_ghz'],
    }


if __name__ == '__main__':
    sys.stdout.write(build())
