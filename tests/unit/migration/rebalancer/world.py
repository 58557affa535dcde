# SPDX-License-Identifier: Apache-2.0

"""A cloud in memory: it is looked at, and its workloads can be moved."""

import dataclasses
import datetime

from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.snapshot import Host
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.optimizer.snapshot import Workload
from ecrae.migration.rebalancer.cycle import Cycle
from ecrae.migration.rebalancer.executor import Executor
from ecrae.migration.rebalancer.executor import Key
from ecrae.migration.rebalancer.guard import Limits
from ecrae.migration.rebalancer.ledger import Ledger
from ecrae.migration.rebalancer.observer import View
from ecrae.migration.rebalancer.worth import Aim
from ecrae.model import power
from ecrae.model.plan import ActionKind


NOON = datetime.datetime(2026, 11, 18, 12, tzinfo=datetime.UTC)
AIM = Aim(
    strategy=STRATEGIES['energy'],
    rules=Rules(headroom=0.1, cpu_ceiling=0.9),
    max_migrations=20,
)
#: Where hosts have power switches.
SWITCHING = dataclasses.replace(AIM, switches_hosts=True)
NO_HOLD = Limits(is_automatic=True, hold_s=0.0)
ADVICE = dataclasses.replace(NO_HOLD, is_automatic=False)


def host(name, **fields):
    return Host(
        **{
            'name': name,
            'vcpus': 16.0,
            'cpu_allocation_ratio': 2.0,
            'memory_mib': 65536.0,
            'disk_gib': 1000.0,
            'curve': power.linear(100.0, 250.0),
            **fields,
        }
    )


def server(name, on, **fields):
    return Workload(
        **{
            'id': name,
            'host': on,
            'vcpus': 2.0,
            'memory_mib': 4096.0,
            'disk_gib': 20.0,
            'cpu_cores_used': 0.5,
            'memory_used_mib': 2048.0,
            **fields,
        }
    )


class Told:
    """What was told of plans and actions."""

    def __init__(self):
        self.plans = []
        self.actions = []

    def plan(self, plan):
        self.plans.append(str(plan.state))

    def action(self, plan, position):
        action = plan.actions[position]
        self.actions.append((action.workload, str(action.state)))


class World:
    """Hosts and servers, the clock, and a mover that may be told to fail."""

    def __init__(self, hosts, servers, folder):
        self.hosts = {each.name: each for each in hosts}
        self.servers = {each.id: each for each in servers}
        self.now = NOON
        self.broken = {}
        self.moved = []
        self.hooks = {}
        self.told = Told()
        self.facts = {}
        self.database = Database(f'sqlite:///{folder}/kb.sqlite')
        schema.upgrade(self.database)
        self.ledger = Ledger(self.database, self.told, lambda: self.now)

    def look(self):
        return View(
            **{
                'now': self.now,
                'snapshot': self.snapshot(),
                'n_servers': len(self.servers),
                'n_in_flux': 0,
                'n_measured': 0,
                'reading_age_s': None,
                **self.facts,
            }
        )

    def snapshot(self):
        return Snapshot(
            hosts=tuple(self.hosts.values()),
            workloads=tuple(self.servers.values()),
        )

    def move(self, action, *, cancelled):
        if action.workload in self.hooks:
            self.hooks[action.workload](cancelled)
        if action.workload in self.broken:
            raise self.broken[action.workload]
        here = self.servers[action.workload]
        if here.host != action.destination:
            assert here.host == action.source
            self.moved.append(action.workload)
        self.servers[action.workload] = dataclasses.replace(
            here, host=action.destination
        )

    def executor(self, **options):
        return Executor(
            self.ledger,
            {Key(kind=ActionKind.MIGRATE): self.move},
            poll_s=0.01,
            **options,
        )

    def cycle(self, limits=NO_HOLD, aim=AIM, **options):
        return Cycle(
            self,
            self.ledger,
            self.executor(**options),
            aim,
            limits,
            clock=lambda: self.now,
        )

    def wait(self, seconds):
        self.now += datetime.timedelta(seconds=seconds)

    def in_use(self):
        return {each.host for each in self.servers.values()}


def spread(folder, hosts=4, each=2):
    """Servers thinly spread over alike hosts."""
    names = [f'h{i}' for i in range(hosts)]
    return World(
        [host(name) for name in names],
        [server(f'{name}-s{i}', name) for name in names for i in range(each)],
        folder,
    )
