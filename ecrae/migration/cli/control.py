# SPDX-License-Identifier: Apache-2.0

"""What the migration commands share: the agents and how to reach them."""

import datetime
from collections.abc import Iterator
from typing import Any

from oslo_config import cfg

from ecrae import exception
from ecrae import rpc
from ecrae.kb import agents
from ecrae.kb import db
from ecrae.migration import rpcapi
from ecrae.model import agent as agent_model


#: Reports an agent may miss before it counts as down.
_PATIENCE = 3


def get_api(conf: cfg.ConfigOpts) -> rpcapi.AgentAPI:
    """The bus that the configuration names."""
    return rpcapi.AgentAPI(rpc.get_transport(conf))


def list_agents(conf: cfg.ConfigOpts) -> list[agent_model.Agent]:
    """Every agent that ever reported."""
    database = db.Database(conf.ecrae_database.connection)
    with database.reader() as session:
        return agents.list_all(session)


def get_agent(conf: cfg.ConfigOpts, host: str) -> agent_model.Agent:
    """One agent.

    :raises NotFound: it never reported.
    """
    database = db.Database(conf.ecrae_database.connection)
    with database.reader() as session:
        return agents.get(session, host)


def is_up(conf: cfg.ConfigOpts, agent: agent_model.Agent) -> bool:
    """Whether it reported lately."""
    patience = datetime.timedelta(
        seconds=_PATIENCE * conf.ecrae_agent.heartbeat_interval
    )
    return agent.is_alive(datetime.datetime.now(datetime.UTC), patience)


def find_host(conf: cfg.ConfigOpts, workload: str) -> str:
    """The host whose agent reported the workload.

    :raises NotFound: no agent did.
    :raises Conflict: several did.
    """
    hosts = [
        agent.hostname
        for agent in list_agents(conf)
        if is_up(conf, agent)
        and any(
            item['name'] == workload and item['is_running']
            for item in agent.capabilities.get('workloads', ())
        )
    ]
    if not hosts:
        raise exception.NotFound(
            f'No agent that is up reports a running workload {workload}; '
            f'say where it is by --source.'
        )
    if len(hosts) > 1:
        raise exception.Conflict(
            f'{workload} runs on {", ".join(hosts)}; say which by --source.'
        )
    return hosts[0]


def each_migration(conf: cfg.ConfigOpts) -> Iterator[dict[str, Any]]:
    """Every migration that an agent remembers, as its source has it.

    A destination is asked too: it alone knows a migration whose source
    lost its disk.
    """
    api = get_api(conf)
    found: dict[str, dict[str, Any]] = {}
    for agent in list_agents(conf):
        if not is_up(conf, agent):
            continue
        for migration in api.list_migrations(agent.hostname):
            known = found.get(migration['id'])
            if known is None or migration['role'] == 'source':
                found[migration['id']] = {**migration, 'at': agent.hostname}
    yield from sorted(found.values(), key=lambda item: item['began'])


def find_migration(conf: cfg.ConfigOpts, migration_id: str) -> dict[str, Any]:
    """One migration.

    :raises NotFound: no agent that is up knows it.
    """
    for migration in each_migration(conf):
        if migration['id'] == migration_id:
            return migration
    raise exception.NotFound(noun='migration', name=migration_id)


def instant(seconds: float) -> str:
    """A Unix time for people and programs."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec='seconds')
