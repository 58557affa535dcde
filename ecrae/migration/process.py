# SPDX-License-Identifier: Apache-2.0

"""The agent as a process: what it is made of, its start and its end."""

import pathlib
import socket
import threading
import time

from oslo_config import cfg
from oslo_log import log

from ecrae import exception
from ecrae import rpc
from ecrae import service
from ecrae.kb import db
from ecrae.migration import agent
from ecrae.migration import channel
from ecrae.migration import destination
from ecrae.migration import drivers
from ecrae.migration import journal as journals
from ecrae.migration import power
from ecrae.migration import registry
from ecrae.migration import rpcapi
from ecrae.migration import source
from ecrae.migration.drivers import base
from ecrae.privsep import network


LOG = log.getLogger(__name__)

_DAY_S = 86400.0


def host_name(conf: cfg.ConfigOpts) -> str:
    """The name this host goes by."""
    return str(conf.ecrae_agent.host or socket.gethostname())


def identity(conf: cfg.ConfigOpts) -> channel.Identity:
    """This host's certificate files."""
    folder = pathlib.Path(conf.ecrae_agent.certificate_directory)
    return channel.Identity(
        cacert=folder / 'ca.pem',
        cert=folder / 'host.pem',
        key=folder / 'host.key',
        crl=folder / 'crl.pem',
    )


class AgentProcess(service.Process):
    """Serves calls, reports to the knowledge base, finishes what is open."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._ended = threading.Event()

    def start(self) -> None:
        """Recover first, then answer."""
        options = self._conf.ecrae_agent
        host = host_name(self._conf)
        if options.raise_pipe_limit:
            network.raise_pipe_limit()
        for folder in (options.state_directory, options.workload_directory):
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        driven = drivers.load(self._conf, host, identity(self._conf))
        transport = rpc.get_transport(self._conf)
        self._journal = journals.Journal(pathlib.Path(options.state_directory))
        self._manager = self._make_manager(
            host, driven, self._make_api(transport)
        )
        self._registry = registry.Registry(
            db.Database(self._conf.ecrae_database.connection),
            host,
            lambda: self._manager.get_agent(None),
            power.Meter(max_power_w=options.max_power),
        )
        # Local copies are put right before anyone can ask for them; what
        # needs other agents waits until those can ask back.
        self._manager.recover_arrivals()
        self._server = rpc.get_server(transport, host, self._manager)
        self._server.start()
        self._loop = threading.Thread(target=self._run, name='heartbeat')
        self._loop.start()

    def _make_api(self, transport: rpc.Transport) -> rpcapi.AgentAPI:
        options = self._conf.ecrae_agent
        return rpcapi.AgentAPI(
            transport,
            timeout_s=options.call_timeout,
            restore_timeout_s=options.restore_timeout + options.call_timeout,
        )

    def _make_manager(
        self, host: str, driven: dict[str, base.Driver], api: rpcapi.AgentAPI
    ) -> agent.AgentManager:
        options = self._conf.ecrae_agent
        coming = destination.DestinationEnd(
            self._journal,
            driven,
            host=host,
            incarnation=registry.incarnation,
            limit=options.max_incoming,
            restore_timeout_s=options.restore_timeout,
        )
        going = source.SourceEnd(
            self._journal,
            driven,
            peer=lambda name: rpcapi.RemotePeer(api, name),
            incarnation=registry.incarnation,
            timeouts_s={
                'prepare': options.transfer_timeout,
                'transfer': options.transfer_timeout,
                'restore': options.restore_timeout,
                'hand-over': options.restore_timeout,
                'complete': options.complete_timeout,
            },
            report=lambda migration_id, progress: self._manager.report(
                migration_id, progress
            ),
        )
        return agent.AgentManager(
            host=host,
            driven=driven,
            going=going,
            coming=coming,
            api=api,
            max_outgoing=options.max_outgoing,
            bmc_file=options.bmc_file,
            sleep_method=options.sleep_method,
        )

    def _run(self) -> None:
        options = self._conf.ecrae_agent
        while True:
            self._reconcile()
            self._report()
            self._prune()
            if self._ended.wait(options.heartbeat_interval):
                return

    def _reconcile(self) -> None:
        try:
            self._manager.reconcile()
        except Exception:
            # This loop is what gets workloads unstuck: it must go on.
            LOG.exception('Unfinished migrations could not be taken up')

    def _report(self) -> None:
        try:
            self._registry.report()
        except exception.EcraeError as error:
            LOG.warning('No report to the knowledge base: %s', error)
        except Exception:
            LOG.exception('No report to the knowledge base')

    def _prune(self) -> None:
        keep_s = self._conf.ecrae_agent.keep_days * _DAY_S
        try:
            self._journal.prune(time.time() - keep_s)
        except Exception:
            LOG.exception('Old migrations could not be forgotten')

    def stop(self) -> None:
        """Answer no more; migrations under way are taken up next time."""
        self._ended.set()
        self._server.stop()

    def wait(self) -> None:
        """Until stopped."""
        self._loop.join()
        self._server.wait()

    def reset(self) -> None:
        """Nothing is cached that a signal could refresh."""
