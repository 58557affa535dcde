# SPDX-License-Identifier: Apache-2.0

"""Which instance draws how much of its node's watts.

The part above idle goes to instances by the CPU they use, the idle part by
the vCPUs they hold, because a node is kept on for what was promised on it.
What accelerators draw above idle goes in equal parts to those that hold some.
Kepler divides dynamic power by CPU time in the same way.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.model import host_arrays
from ecrae.model import load
from ecrae.model.cluster import Host
from ecrae.model.fleet import FleetServer
from ecrae.model.power import FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A server's part of what its host draws."""

    server: FleetServer
    cores_used: float
    power_w: float
    #: Of the host's watts, in [0, 1].
    share: float
    is_cpu_measured: bool
    #: Whether the host's watts are measured, and not read off its curve.
    is_power_measured: bool


def of_servers(
    hosts: Iterable[Host],
    servers: Sequence[FleetServer],
    cores_used: Mapping[str, float],
) -> list[Part]:
    """Parts of all servers on the hosts, host by host.

    :param cores_used: measured, by server; the others are estimated.
    """
    by_host: dict[str, list[FleetServer]] = {}
    for server in servers:
        by_host.setdefault(server.host, []).append(server)
    return [
        part
        for host in hosts
        for part in _parts(host, by_host.get(host.name, ()), cores_used)
    ]


def _parts(
    host: Host, servers: Sequence[FleetServer], cores_used: Mapping[str, float]
) -> Iterable[Part]:
    curve = host.node_type.curve
    power_w = host.power_w
    boards_w = host_arrays.accelerator_w(host)
    if power_w is None:
        power_w = curve.at(host.utilization) + boards_w
    holds = np.array([server.has_devices for server in servers], dtype=float)
    # What nobody holds, everybody who is there draws.
    boards_w = min(boards_w, power_w) if holds.any() else 0.0
    used = [
        cores_used.get(server.id, server.vcpus * load.DEFAULT_BUSY_FRACTION)
        for server in servers
    ]
    parts_w = boards_w * holds / max(holds.sum(), 1.0) + attribute(
        power_w - boards_w,
        curve.power_w[0],
        np.array(used, dtype=float),
        np.array([server.vcpus for server in servers], dtype=float),
    )
    for server, cores, part_w in zip(servers, used, parts_w, strict=True):
        yield Part(
            server=server,
            cores_used=float(cores),
            power_w=float(part_w),
            share=float(part_w / power_w) if power_w > 0 else 0.0,
            is_cpu_measured=server.id in cores_used,
            is_power_measured=host.power_w is not None,
        )


def attribute(
    power_w: float,
    idle_w: float,
    cores_used: FloatArray,
    vcpus: FloatArray,
) -> FloatArray:
    """Divide a node's watts; the parts add up to the whole.

    :param power_w: what the node draws now.
    :param idle_w: what it draws with no load.
    :param cores_used: cores each instance keeps busy, shape (n,).
    :param vcpus: vCPUs each instance holds, shape (n,).
    :returns: watts of each instance, shape (n,); empty for no instances.
    """
    if len(vcpus) == 0:
        return np.zeros(0)
    fixed_w = min(idle_w, power_w)
    held = _share(vcpus, np.ones(len(vcpus)))
    used = _share(cores_used, vcpus)
    return fixed_w * held + (power_w - fixed_w) * used


def _share(amounts: FloatArray, otherwise: FloatArray) -> FloatArray:
    total = amounts.sum()
    if total <= 0:
        return _share(otherwise, np.ones(len(otherwise)))
    return amounts / total
