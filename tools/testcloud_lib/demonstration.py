# SPDX-License-Identifier: Apache-2.0

"""Checks and prints where ECRAE put a stack, and why.

Run by the cloud's own Python: ``-m testcloud_lib.demonstration STACK``.
"""

import os
import sys
from typing import Any

import openstack
import prettytable

from ecrae import conf as ecrae_conf
from ecrae.kb import decisions
from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb.db import Database
from ecrae.model import hints
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.knowledge import Knowledge
from testcloud_lib import cloud as clouds
from testcloud_lib import services


COLUMNS = (
    'component',
    'tag',
    'host',
    'node type',
    'flavor',
    'marginal W',
    'runners-up',
    'reason',
)
RUNNERS_UP = 3


def servers_of(stack_name: str) -> dict[str, Any]:
    """Servers of the tenant's stack by component, with their hosts."""
    cloud = clouds.load(clouds.default_state())
    os.environ.update(services.user_env(cloud, 'demo'))
    heat = openstack.connect().orchestration
    stack = heat.get_stack(stack_name)
    if stack.status != 'CREATE_COMPLETE':
        sys.exit(f'stack {stack_name} is {stack.status}')
    found = {
        resource.name: resource.physical_resource_id
        for resource in heat.resources(stack)
        if resource.resource_type == 'OS::Nova::Server'
    }
    os.environ.update(services.user_env(cloud, 'admin'))
    compute = openstack.connect().compute
    compute.default_microversion = '2.96'
    return {node: compute.get_server(uuid) for node, uuid in found.items()}


def faults(
    node: str,
    server: Any,
    component: ComponentDecision,
    known: Knowledge,
) -> list[str]:
    """What is not as it was decided."""
    node_type = known.host_node_types.get(server.compute_host, '')
    allowed = {
        target.node_type.name for target in known.tags[component.tag].targets
    }
    found = []
    if server.status != 'ACTIVE':
        found.append(f'{node} is {server.status}')
    if node_type not in allowed:
        found.append(f'{node} is on {server.compute_host} ({node_type})')
    if server.flavor['original_name'] != component.chosen.flavor:
        found.append(f'{node} has flavor {server.flavor["original_name"]}')
    return found


def runner_up(score: CandidateScore) -> str:
    """One that lost, in a line."""
    watts = score.marginal_power_w
    shown = f'{watts:.2f} W' if watts is not None else 'not possible'
    return f'{score.node_type} {score.flavor}: {shown}'


def row(
    node: str, server: Any, component: ComponentDecision, known: Knowledge
) -> list[str]:
    """The table's line for one component."""
    chosen = component.chosen
    losers = [each for each in component.candidates if each != chosen]
    return [
        node,
        component.tag,
        server.compute_host,
        known.host_node_types.get(server.compute_host, 'unknown'),
        server.flavor['original_name'],
        f'{chosen.marginal_power_w:.2f}',
        '\n'.join(runner_up(each) for each in losers[:RUNNERS_UP]),
        chosen.reason,
    ]


def main(stack_name: str) -> int:
    """Print the table; 1 if a component is not where it should be."""
    servers = servers_of(stack_name)
    options = ecrae_conf.load([os.environ['ECRAE_CONF']])
    database = Database(options.ecrae_database.connection)
    table = prettytable.PrettyTable(COLUMNS, align='l', hrules=1)
    table.max_width['reason'] = 40
    wrong = []
    with database.reader() as session:
        known = kb_knowledge.load(session)
        for node, server in sorted(servers.items()):
            decision = decisions.get(session, server.metadata[hints.DECISION])
            component = next(
                each for each in decision.components if each.node == node
            )
            wrong += faults(node, server, component, known)
            table.add_row(row(node, server, component, known))
    print(table)
    for fault in wrong:
        print(f'WRONG: {fault}', file=sys.stderr)
    return 1 if wrong or not servers else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
