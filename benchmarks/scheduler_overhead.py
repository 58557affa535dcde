# SPDX-License-Identifier: Apache-2.0

"""What ECRAE's plugins cost a request inside nova-scheduler.

Runs Nova's own scheduler manager, host manager, filters and weighers over
host states made of compute nodes that are held in memory: Nova's databases
and Placement answer at once, so that what they cost does not hide the
difference. Three schedulers take turns in one process: one with Nova's
defaults, one with a filter and a weigher added that do nothing, and one with
ECRAE's plugins added. The second shows what Nova itself spends on any plugin,
whatever is in it. Printed are the medians, in milliseconds of CPU time so
that a busy machine does no harm, of

request   all of select_destinations but the databases and Placement
rank      filtering and weighing alone

for an untagged server, one whose tag allows every host, and one whose tag
allows a third of them. Needs nova installed.

    python benchmarks/scheduler_overhead.py --hosts 1000 10000
"""

import argparse
import contextlib
import gc
import random
import statistics
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from unittest import mock

import nova.conf
from nova import config
from nova import context
from nova import objects
from nova import rpc
from nova.objects import service
from nova.scheduler import filters
from nova.scheduler import host_manager
from nova.scheduler import manager
from nova.scheduler import weights
from oslo_utils import timeutils

from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model import power
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality
from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters.host_table import HostTable


CONF = nova.conf.CONF
FLAVOR = Flavor(name='small', vcpus=2, memory_mib=2048, disk_gib=10)
TYPES = 12
PACKAGE = 'ecrae.scheduler_filters'
PLUGINS = {
    'tag': f'{PACKAGE}.tag_filter.EcraeTagFilter',
    'drain': f'{PACKAGE}.drain_filter.EcraeDrainFilter',
    'power_cap': f'{PACKAGE}.power_cap_filter.EcraePowerCapFilter',
    'shortlist': f'{PACKAGE}.shortlist_filter.EcraeShortlistFilter',
}
WEIGHER = f'{PACKAGE}.energy_weigher.EcraeEnergyWeigher'
CASES = {'untagged': None, 'tag, all hosts': 'all', 'tag, a third': 'third'}


def knowledge(hosts: int) -> Knowledge:
    """Hosts of a dozen types and a tag for all and for a third of these."""
    profiles = {}
    types = {}
    for i in range(TYPES):
        curve = power.linear(50.0 + 10 * i, 200.0 + 35 * i)
        profiles[f'type-{i}'] = PowerProfile(
            name=f'type-{i}',
            curve=curve,
            quality=Quality.ESTIMATED,
            source='benchmark',
        )
        types[f'type-{i}'] = NodeType(
            name=f'type-{i}',
            architecture='x86_64',
            cpu='any',
            cores=64,
            threads=128,
            memory_mib=524288,
            disk_gib=8192,
            hypervisor_type='qemu',
            curve=curve,
            power_profile=f'type-{i}',
        )
    tags = {
        name: Tag(
            name=name,
            kind=TagKind.HINT,
            description='',
            targets=tuple(
                TagTarget(
                    node_type=types[f'type-{i}'],
                    flavor=FLAVOR,
                    preference=i + 1,
                )
                for i in range(0, TYPES, step)
            ),
        )
        for name, step in (('all', 1), ('third', 3))
    }
    return Knowledge(
        tags=tags,
        node_types=types,
        flavors={FLAVOR.name: FLAVOR},
        hosts={
            f'compute-{i}': KnownHost(
                name=f'compute-{i}', node_type=f'type-{i % TYPES}'
            )
            for i in range(hosts)
        },
        power_profiles=profiles,
    )


def compute_nodes(
    hosts: int, rng: random.Random
) -> tuple[list[Any], dict[str, Any]]:
    """Compute nodes in use to a random degree, and their services."""
    nodes = []
    services = {}
    for i in range(hosts):
        used = rng.randrange(0, 100)
        nodes.append(
            objects.ComputeNode(
                uuid=str(uuid.UUID(int=rng.getrandbits(128))),
                host=f'compute-{i}',
                hypervisor_hostname=f'compute-{i}',
                vcpus=128,
                vcpus_used=used,
                memory_mb=524288,
                memory_mb_used=used * 2048,
                free_ram_mb=524288 - used * 2048,
                local_gb=8192,
                local_gb_used=used * 20,
                free_disk_gb=8192 - used * 20,
                disk_available_least=None,
                numa_topology=None,
                pci_device_pools=None,
                host_ip='192.0.2.1',
                hypervisor_type='QEMU',
                hypervisor_version=8000000,
                cpu_info='{}',
                supported_hv_specs=[],
                stats={'num_instances': str(used // 2)},
                metrics='[]',
                cpu_allocation_ratio=4.0,
                ram_allocation_ratio=1.0,
                disk_allocation_ratio=1.0,
                updated_at=timeutils.utcnow(),
            )
        )
        services[f'compute-{i}'] = objects.Service(
            host=f'compute-{i}',
            binary='nova-compute',
            topic='compute',
            disabled=False,
            forced_down=False,
            last_seen_up=timeutils.utcnow(with_timezone=True),
        )
    return nodes, services


class Cloud:
    """Nova's databases and Placement, in memory."""

    def __init__(self, hosts: int, aggregates: int, seed: int) -> None:
        self.nodes, self.services = compute_nodes(hosts, random.Random(seed))
        self.allocations = [
            {'allocations': {node.uuid: {}}, 'mappings': {'': [node.uuid]}}
            for node in self.nodes
        ]
        names = list(self.services)
        self.aggregates = objects.AggregateList(
            objects=[
                objects.Aggregate(
                    id=i + 1,
                    name=f'rack-{i}',
                    hosts=names[i::aggregates],
                    metadata={'ecrae:power_cap': '1e9'},
                )
                for i in range(aggregates)
            ]
        )
        self.cells = objects.CellMappingList(
            objects=[
                objects.CellMapping(uuid='cell', name='cell', disabled=False)
            ]
        )

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """Answer Nova's questions."""
        managed = host_manager.HostManager
        with contextlib.ExitStack() as stack:
            for owner, name, answer in (
                (objects.CellMappingList, 'get_all', lambda _: self.cells),
                (objects.AggregateList, 'get_all', lambda _: self.aggregates),
                (managed, '_get_computes_for_cells', self._computes),
                (managed, '_get_instances_by_host', lambda *_: {}),
                (manager.SchedulerManager, 'placement_client', self),
                (
                    service,
                    'get_minimum_version_all_cells',
                    lambda *_: service.SERVICE_VERSION,
                ),
            ):
                stack.enter_context(mock.patch.object(owner, name, answer))
            yield

    def _computes(self, *args: Any, **kwargs: Any) -> Any:
        return {'cell': self.nodes}, self.services

    def get_allocation_candidates(self, *args: Any) -> Any:
        """Every host has room."""
        summaries = {node.uuid: {} for node in self.nodes}
        return self.allocations, summaries, '1.36'

    def claim_resources(self, *args: Any, **kwargs: Any) -> bool:
        """Nobody else wants it."""
        return True


def request_spec(tag: str | None) -> Any:
    """A request for one server."""
    return objects.RequestSpec.from_components(
        context.get_admin_context(),
        instance_uuid=str(uuid.uuid4()),
        image=objects.ImageMeta(
            id=str(uuid.uuid4()), properties=objects.ImageMetaProps()
        ),
        flavor=objects.Flavor(
            name=FLAVOR.name,
            flavorid=FLAVOR.name,
            vcpus=FLAVOR.vcpus,
            memory_mb=FLAVOR.memory_mib,
            root_gb=FLAVOR.disk_gib,
            ephemeral_gb=0,
            swap=0,
            is_public=True,
            extra_specs={},
        ),
        numa_topology=None,
        pci_requests=objects.InstancePCIRequests(requests=[]),
        filter_properties={
            'scheduler_hints': {'ecrae:tag': tag} if tag else {}
        },
        instance_group=None,
        availability_zone=None,
        project_id='project',
        user_id='user',
    )


def scheduler(filters: list[str], weighers: list[str]) -> Any:
    """Nova's scheduler with plugins added, as in nova.conf."""
    group = CONF.filter_scheduler
    names = [path.rpartition('.')[2] for path in filters]
    overrides = {
        'available_filters': [*group.available_filters, *filters],
        'enabled_filters': [*group.enabled_filters, *names],
        'weight_classes': [*group.weight_classes, *weighers],
    }
    for option, value in overrides.items():
        CONF.set_override(option, value, group='filter_scheduler')
    made = manager.SchedulerManager()
    for option in overrides:
        CONF.clear_override(option, group='filter_scheduler')
    return made


class IdleFilter(filters.BaseHostFilter):
    """Passes every host."""

    run_filter_once_per_request = True

    def filter_all(self, filter_obj_list: Any, spec_obj: Any) -> Any:
        """All of them."""
        return filter_obj_list


class IdleWeigher(weights.BaseHostWeigher):
    """Weighs every host alike."""

    def weigh_objects(
        self, weighed_obj_list: list[Any], weight_properties: Any
    ) -> list[float]:
        """Nothing for each."""
        return [0.0] * len(weighed_obj_list)

    def _weigh_object(self, obj: Any, weight_properties: Any) -> float:
        return 0.0


def whole_request(scheduler: Any, tag: str | None) -> Callable[[], Any]:
    """One request, as nova-conductor sends it."""
    spec = request_spec(tag)
    return lambda: scheduler.select_destinations(
        context.get_admin_context(),
        spec_obj=spec,
        instance_uuids=[spec.instance_uuid],
        return_objects=True,
        return_alternates=True,
    )


def ranking(scheduler: Any, tag: str | None) -> Callable[[], Any]:
    """Filtering and weighing of one request."""
    spec = request_spec(tag)
    states = list(
        scheduler.host_manager.get_host_states_by_uuids(
            context.get_admin_context(), None, None
        )
    )
    return lambda: scheduler._get_sorted_hosts(spec, states, 0)


def measure(
    contestants: list[Callable[[], Any]], repeat: int
) -> list[list[float]]:
    """Milliseconds of CPU of each in every round; they take turns.

    Who begins a round changes, so that none has always the warmest cache.
    """
    times: list[list[float]] = [[] for _ in contestants]
    for each in contestants:
        each()
    gc.collect()
    gc.freeze()
    order = list(range(len(contestants)))
    for _ in range(repeat):
        for i in order:
            start = time.thread_time()
            contestants[i]()
            times[i].append(1000 * (time.thread_time() - start))
        order.append(order.pop(0))
    return times


def line(rounds: list[list[float]]) -> str:
    """Medians, and those of what ECRAE adds to Nova in the same round."""
    plain, _, ecrae = rounds
    pairs = list(zip(ecrae, plain, strict=True))
    added = statistics.median(mine - novas for mine, novas in pairs)
    ratio = statistics.median(mine / novas for mine, novas in pairs)
    medians = ' '.join(f'{statistics.median(each):>9.2f}' for each in rounds)
    return f'{medians} {added:>+9.2f} {100 * (ratio - 1):>+7.1f} %'


def memory_mib(hosts: int) -> tuple[float, float]:
    """MiB of what is known of the hosts, and with its columns."""
    gc.collect()
    tracemalloc.start()
    with Database(CONF.ecrae_database.connection).reader() as session:
        known = kb_knowledge.load(session)
    alone = tracemalloc.get_traced_memory()[0]
    table = HostTable(known, set())
    together = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del table
    return alone / 2**20, together / 2**20


def run(hosts: int, options: argparse.Namespace, database: Database) -> None:
    """Print one size's lines."""
    known = knowledge(hosts)
    with database.writer() as session:
        kb_knowledge.store(session, kb_knowledge.load(session), known)
    knowledge_view._keeper = None
    cloud = Cloud(hosts, options.aggregates, options.seed)
    with cloud.around():
        contestants = [
            scheduler([], []),
            scheduler([f'{__name__}.IdleFilter'], [f'{__name__}.IdleWeigher']),
            scheduler([PLUGINS[name] for name in options.filters], [WEIGHER]),
        ]
        for name, tag in CASES.items():
            for part, make in (('request', whole_request), ('rank', ranking)):
                rounds = measure(
                    [make(each, tag) for each in contestants], options.repeat
                )
                print(
                    f'{hosts:>6} {name:<15} {part:<8} {line(rounds)}',
                    flush=True,
                )
    alone, together = memory_mib(hosts)
    print(
        f'{hosts:>6} memory of the knowledge {alone:.2f} MiB, with its '
        f'columns {together:.2f} MiB'
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--hosts', type=int, nargs='+', default=[1000, 10000])
    parser.add_argument('--repeat', type=int, default=30)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument(
        '--aggregates', type=int, default=40, help='racks, with a power cap'
    )
    parser.add_argument(
        '--filters',
        nargs='*',
        choices=PLUGINS,
        default=['tag', 'drain', 'shortlist'],
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/nova.conf'
        with open(path, 'w') as file:
            file.write(
                '[DEFAULT]\ntransport_url = fake://\n'
                'service_down_time = 86400\n'
                '[filter_scheduler]\ntrack_instance_changes = false\n'
                f'[ecrae_database]\nconnection = sqlite:///{folder}/kb\n'
                '[ecrae_scheduler]\nfirst_load_timeout = 60\n'
            )
        config.parse_args(['nova-scheduler'], default_config_files=[path])
        objects.register_all()
        rpc.init(CONF)
        database = Database(f'sqlite:///{folder}/kb')
        schema.upgrade(database)
        print(
            f'{"hosts":>6} {"server":<15} {"part":<8} {"nova":>9} {"idle":>9} '
            f'{"ecrae":>9} {"added":>9} {"added":>9}'
        )
        for hosts in options.hosts:
            run(hosts, options, database)


if __name__ == '__main__':
    main()
