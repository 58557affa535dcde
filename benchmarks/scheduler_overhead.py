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
plugins   filtering and weighing with nothing but what was added, so that what
          it costs is not lost in the noise of Nova's own seconds

for an untagged server, one whose tag allows every host, and one whose tag
allows a third of them. Needs nova installed.

    python benchmarks/scheduler_overhead.py --hosts 1000 10000
"""

import argparse
import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import nova.conf
import nova_in_memory
from nova import config
from nova import context
from nova import objects
from nova import rpc
from nova.scheduler import filters
from nova.scheduler import manager
from nova.scheduler import weights

from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters.host_table import HostTable


CONF = nova.conf.CONF
PACKAGE = 'ecrae.scheduler_filters'
PLUGINS = {
    'tag': f'{PACKAGE}.tag_filter.EcraeTagFilter',
    'drain': f'{PACKAGE}.drain_filter.EcraeDrainFilter',
    'power_cap': f'{PACKAGE}.power_cap_filter.EcraePowerCapFilter',
    'shortlist': f'{PACKAGE}.shortlist_filter.EcraeShortlistFilter',
}
WEIGHER = f'{PACKAGE}.energy_weigher.EcraeEnergyWeigher'
CASES = {'untagged': None, 'tag, all hosts': 'all', 'tag, a third': 'third'}


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
    spec = nova_in_memory.request_spec(tag)
    return lambda: scheduler.select_destinations(
        context.get_admin_context(),
        spec_obj=spec,
        instance_uuids=[spec.instance_uuid],
        return_objects=True,
        return_alternates=True,
    )


def ranking(scheduler: Any, tag: str | None) -> Callable[[], Any]:
    """Filtering and weighing of one request."""
    spec = nova_in_memory.request_spec(tag)
    states = list(
        scheduler.host_manager.get_host_states_by_uuids(
            context.get_admin_context(), None, None
        )
    )
    return lambda: scheduler._get_sorted_hosts(spec, states, 0)


def plugins(scheduler: Any, tag: str | None) -> Callable[[], Any]:
    """Filtering and weighing of one request by what is not Nova's."""
    spec = nova_in_memory.request_spec(tag)
    manager_of_hosts = scheduler.host_manager
    states = list(
        manager_of_hosts.get_host_states_by_uuids(
            context.get_admin_context(), None, None
        )
    )
    filters_added = _added(manager_of_hosts.enabled_filters)
    weighers_added = _added(manager_of_hosts.weighers)

    def run() -> Any:
        left = manager_of_hosts.filter_handler.get_filtered_objects(
            filters_added, states, spec
        )
        return manager_of_hosts.weight_handler.get_weighed_objects(
            weighers_added, left, spec
        )

    return run


def _added(found: list[Any]) -> list[Any]:
    return [
        each for each in found if not type(each).__module__.startswith('nova.')
    ]


PARTS = {'request': whole_request, 'rank': ranking, 'plugins': plugins}


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
    known = nova_in_memory.knowledge(hosts)
    with database.writer() as session:
        kb_knowledge.store(session, kb_knowledge.load(session), known)
    knowledge_view._keeper = None
    cloud = nova_in_memory.Cloud(hosts, options.aggregates, options.seed)
    with cloud.around():
        contestants = [
            scheduler([], []),
            scheduler([f'{__name__}.IdleFilter'], [f'{__name__}.IdleWeigher']),
            scheduler([PLUGINS[name] for name in options.filters], [WEIGHER]),
        ]
        for name, tag in CASES.items():
            for part in options.parts:
                # What is cheap is measured more often.
                repeat = options.repeat * (10 if part == 'plugins' else 1)
                rounds = measure(
                    [PARTS[part](each, tag) for each in contestants], repeat
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
    parser.add_argument('--parts', nargs='*', choices=PARTS, default=[*PARTS])
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
