# SPDX-License-Identifier: Apache-2.0

"""Agents on oslo.messaging's in-process bus, with files as workloads."""

import datetime
import time

from oslo_config import cfg

from ecrae import rpc
from ecrae.kb import agents
from ecrae.kb import db
from ecrae.kb import schema
from ecrae.migration import agent
from ecrae.migration import destination
from ecrae.migration import journal
from ecrae.migration import rpcapi
from ecrae.migration import source
from ecrae.migration.drivers import fake
from ecrae.model import agent as agent_model


TIMEOUTS_S = {
    'prepare': 5.0,
    'transfer': 5.0,
    'restore': 5.0,
    'hand-over': 5.0,
    'complete': 5.0,
}


class Cloud:
    """Hosts with agents and a folder that stands for what runs."""

    def __init__(self, folder):
        self.folder = folder
        path = folder / 'ecrae.conf'
        path.write_text('[DEFAULT]\ntransport_url = fake:/\n')
        conf = cfg.ConfigOpts()
        conf(['--config-file', str(path)])
        self.transport = rpc.get_transport(conf)
        self.api = rpcapi.AgentAPI(self.transport, timeout_s=5.0)
        self.servers = []
        self.ends = {}

    def add(self, host, **limits):
        log = journal.Journal(self.folder / 'state' / host)
        log.directory.mkdir(parents=True)
        driven = {'fake': fake.FakeDriver(self.folder / 'copies', host)}
        coming = destination.DestinationEnd(
            log, driven, host=host, incarnation=lambda: 'boot'
        )
        self.ends[host] = coming
        going = source.SourceEnd(
            log,
            driven,
            peer=lambda name: rpcapi.RemotePeer(self.api, name),
            incarnation=lambda: 'boot',
            timeouts_s=TIMEOUTS_S,
            report=lambda *_: None,
            poll_s=0.01,
        )
        manager = agent.AgentManager(
            host=host,
            driven=driven,
            going=going,
            coming=coming,
            api=self.api,
            **limits,
        )
        server = rpc.get_server(self.transport, host, manager)
        server.start()
        self.servers.append(server)

    def run(self, host, name):
        path = self.folder / 'copies' / host
        path.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(fake.RUNNING)

    def copies(self, name):
        return {
            (path.parent.name, path.read_text())
            for path in (self.folder / 'copies').glob(f'*/{name}')
        }

    def wait(self, host, migration_id, phases=('released', 'returned')):
        for _ in range(500):
            found = self.api.get_migration(host, migration_id)
            if found['phase'] in phases:
                return found
            time.sleep(0.01)
        raise AssertionError(found)

    def stop(self):
        for server in self.servers:
            server.stop()
            server.wait()
        self.transport.cleanup()

    def report(self, host):
        """What the agent's heartbeat does."""
        now = datetime.datetime.now(datetime.UTC)
        with self.database.writer() as session:
            agents.record(
                session,
                agent_model.Agent(
                    hostname=host,
                    capabilities=self.api.get_agent(host),
                    started_at=now,
                    heartbeat_at=now,
                ),
            )

    def sync_database(self):
        """A knowledge base for the agents' reports."""
        url = f'sqlite:///{self.folder}/ecrae.sqlite'
        self.database = db.Database(url)
        schema.upgrade(self.database)
        with (self.folder / 'ecrae.conf').open('a') as conf:
            conf.write(f'[ecrae_database]\nconnection = {url}\n')
