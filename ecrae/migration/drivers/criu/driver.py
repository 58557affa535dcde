# SPDX-License-Identifier: Apache-2.0

"""Process trees, by criu's command line.

A workload is a file ``NAME.json`` in ``[ecrae_agent] workload_directory``
with the pid of the tree's root.
"""

from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.criu import capabilities
from ecrae.migration.drivers.criu import destination
from ecrae.migration.drivers.criu import host as hosts
from ecrae.migration.drivers.criu import source
from ecrae.privsep import criu
from ecrae.privsep import processes


class CriuDriver(base.Driver):
    """criu between this host and others."""

    completes_later = frozenset({jobs.Mode.POST_COPY, jobs.Mode.HYBRID})

    def __init__(self, host: hosts.Host) -> None:
        self._host = host
        self.source = source.CriuSource(host)
        self.destination = destination.CriuDestination(host)

    def capabilities(self) -> dict[str, Any]:
        """Version, features and modes."""
        features = capabilities.features()
        return {
            'version': criu.version(),
            'features': features,
            'modes': capabilities.modes(features),
        }

    def workloads(self) -> list[base.Workload]:
        """One for each file that names a living process."""
        found = []
        for path in sorted(self._host.workloads.glob('*.json')):
            try:
                facts = self._host.read_workload(path.stem)
            except exception.PreCheckFailed:
                continue
            use = processes.usage(facts['pid'])
            if use['is_there']:
                found.append(
                    base.Workload(
                        name=f'criu:{path.stem}',
                        is_running=use['is_running'],
                        memory_mib=use['memory_kib'] / 1024,
                        cpu_s=use['cpu_s'],
                    )
                )
        return found
