# SPDX-License-Identifier: Apache-2.0

"""Runs one Watcher strategy, unmodified, on a snapshot; prints JSON.

To be run by the Python of an environment with python-watcher. The cluster
model is Watcher's own, in memory; the data source answers from the snapshot.

usage: watcher_runner.py SNAPSHOT.json
"""

import json
import logging
import sys
import time
import uuid
from typing import Any
from unittest import mock

from oslo_config import cfg
from watcher.common import utils
from watcher.decision_engine.model import element
from watcher.decision_engine.model import model_root
from watcher.decision_engine.strategy import strategies


PROJECT = str(uuid.UUID(int=1))


class Datasource:
    """Answers with what the snapshot says was measured."""

    NAME = 'snapshot'

    def __init__(self, snapshot: dict) -> None:
        self.workloads = {w['id']: w for w in snapshot['workloads']}
        self.hosts = {h['name']: h for h in snapshot['hosts']}
        self.cpu = dict.fromkeys(self.hosts, 0.0)
        self.ram_mib = dict.fromkeys(self.hosts, 0.0)
        for workload in snapshot['workloads']:
            self.cpu[workload['host']] += workload['cpu_cores_used']
            self.ram_mib[workload['host']] += workload['memory_used_mib']

    def get_instance_cpu_usage(self, resource: Any, **_: Any) -> float:
        """CPU of its vCPUs, in per cent."""
        workload = self.workloads[resource.name]
        return 100.0 * workload['cpu_cores_used'] / workload['vcpus']

    def get_instance_ram_usage(self, resource: Any, **_: Any) -> float:
        """Resident memory in MiB."""
        return self.workloads[resource.name]['memory_used_mib']

    def get_instance_ram_allocated(self, resource: Any, **_: Any) -> float:
        """Memory of the flavor in MiB."""
        return self.workloads[resource.name]['memory_mib']

    def get_instance_root_disk_size(self, resource: Any, **_: Any) -> float:
        """Disk of the flavor in GiB."""
        return self.workloads[resource.name]['disk_gib']

    def get_host_cpu_usage(self, node: Any, *_: Any) -> float:
        """CPU in per cent."""
        name = node.hostname
        return 100.0 * self.cpu[name] / self.hosts[name]['vcpus']

    def get_host_ram_usage(self, node: Any, *_: Any) -> float:
        """Used memory in KiB, which is what Watcher expects here."""
        return self.ram_mib[node.hostname] * 1024.0


def model(snapshot: dict) -> model_root.ModelRoot:
    """Watcher's cluster model of a snapshot."""
    root = model_root.ModelRoot()
    nodes = {}
    for index, host in enumerate(snapshot['hosts']):
        node = element.ComputeNode(
            uuid=str(uuid.UUID(int=1_000_000_000 + index)),
            hostname=host['name'],
            memory=int(host['memory_mib']),
            memory_mb_reserved=0,
            memory_ratio=host['ram_allocation_ratio'],
            disk=int(host['disk_gib']),
            disk_gb_reserved=0,
            disk_ratio=host['disk_allocation_ratio'],
            vcpus=int(host['vcpus']),
            vcpu_reserved=0,
            vcpu_ratio=host['cpu_allocation_ratio'],
            status='enabled',
            state='up',
        )
        nodes[host['name']] = node
        root.add_node(node)
    for index, workload in enumerate(snapshot['workloads']):
        instance = element.Instance(
            uuid=str(uuid.UUID(int=2_000_000_000 + index)),
            name=workload['id'],
            vcpus=int(workload['vcpus']),
            memory=int(workload['memory_mib']),
            disk=int(workload['disk_gib']),
            state='active',
            project_id=PROJECT,
        )
        root.add_instance(instance)
        root.map_instance(instance, nodes[workload['host']])
    return root


def main() -> None:
    """Run the strategy and print its migrations in order."""
    logging.disable(logging.CRITICAL)
    cfg.CONF([], project='watcher')
    with open(sys.argv[1], encoding='utf-8') as stream:
        snapshot = json.load(stream)
    cluster = model(snapshot)
    by_uuid = {
        uid: instance.name
        for uid, instance in cluster.get_all_instances().items()
    }
    kind = strategies.VMWorkloadConsolidation
    with (
        mock.patch.object(kind, 'compute_model', cluster),
        mock.patch.object(kind, 'datasource_backend', Datasource(snapshot)),
    ):
        strategy = kind(config=mock.Mock(datasources=None))
        strategy.input_parameters = utils.Struct()
        strategy.input_parameters.update({'period': 3600, 'granularity': 300})
        began = time.process_time()
        solution = strategy.execute()
        seconds = time.process_time() - began
    json.dump(
        {
            'cpu_seconds': seconds,
            'moves': [
                {
                    'workload': by_uuid[parameters['resource_id']],
                    'source': parameters['source_node'],
                    'destination': parameters['destination_node'],
                }
                for action in solution.actions
                if action['action_type'] == 'migrate'
                for parameters in (action['input_parameters'],)
            ],
        },
        sys.stdout,
    )


if __name__ == '__main__':
    main()
