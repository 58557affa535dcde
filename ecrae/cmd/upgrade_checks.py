# SPDX-License-Identifier: Apache-2.0

"""The checks of ``ecrae-status upgrade check``."""

import pathlib
import time
from collections.abc import Callable

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

import ecrae
from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import session as cloud_session
from ecrae.cmd import installation
from ecrae.cmd import service_file
from ecrae.cmd.service_file import ServiceFile
from ecrae.conf import opts
from ecrae.kb import knowledge
from ecrae.kb import readings
from ecrae.kb import schema
from ecrae.kb.db import Database
from ecrae.model.knowledge import Knowledge


Code = upgradecheck.Code
Result = upgradecheck.Result

HEAT_RESOURCES = (
    pathlib.Path(ecrae.__file__).parent / 'deployer' / 'heat' / 'resources'
)


class Checks(upgradecheck.UpgradeCommands):
    """The checks, in the order of the request's way through the cloud."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def _check_nova(self) -> Result:
        return self._check_file(
            self._conf.nova_conf, installation.nova_plugins
        )

    def _check_heat(self) -> Result:
        return self._check_file(
            self._conf.heat_conf,
            lambda file: installation.heat_plugin(file, str(HEAT_RESOURCES)),
        )

    def _check_knowledge(self) -> Result:
        database = Database(self._conf.ecrae_database.connection)
        try:
            present = schema.version(database)
            if present != schema.newest():
                return Result(
                    Code.FAILURE,
                    f'{database.label} has schema {present}, this ECRAE '
                    f'needs {schema.newest()}: run "ecrae-manage db sync"',
                )
            faults = installation.knowledge(self._known())
        except exception.EcraeError as error:
            return Result(Code.FAILURE, str(error))
        return _result(Code.FAILURE, faults)

    def _check_hosts(self) -> Result:
        try:
            known = self._known()
            hypervisors = compute.list_hypervisors(
                cloud_session.from_options(self._conf)
            )
        except exception.EcraeError as error:
            return Result(Code.WARNING, f'Not checked. {error}')
        return _result(Code.WARNING, installation.hosts(known, hypervisors))

    def _check_telemetry(self) -> Result:
        group = self._conf.ecrae_telemetry
        if not group.sources and not group.metric_sources:
            return Result(Code.SUCCESS, 'No sources: load is estimated.')
        database = Database(self._conf.ecrae_database.connection)
        try:
            with database.reader() as session:
                kept = readings.list_all(session)
        except exception.EcraeError as error:
            return Result(Code.WARNING, f'Not checked. {error}')
        return _result(
            Code.WARNING,
            installation.telemetry(kept, time.time(), group.max_age),
        )

    _upgrade_checks = (
        ('nova.conf', _check_nova),
        ('heat.conf', _check_heat),
        ('Knowledge base', _check_knowledge),
        ('Compute hosts', _check_hosts),
        ('Telemetry', _check_telemetry),
    )

    def _known(self) -> Knowledge:
        database = Database(self._conf.ecrae_database.connection)
        with database.reader() as session:
            return knowledge.load(session)

    def _check_file(
        self, path: str, plugins: Callable[[ServiceFile], list[str]]
    ) -> Result:
        try:
            file = service_file.read(pathlib.Path(path))
        except FileNotFoundError:
            return Result(
                Code.WARNING,
                f'Not checked. There is no {path} on this machine: name the '
                'file, or run this where it is.',
            )
        except (OSError, cfg.ParseError) as error:
            return Result(Code.FAILURE, f'{path} cannot be read: {error}')
        groups = [*opts.list_opts(), *cloud_session.list_opts()]
        loose = frozenset({cloud_session.GROUP.name})
        return _result(
            Code.FAILURE,
            [
                *plugins(file),
                *service_file.faults(file, groups, loose),
                *self._other_database(file),
            ],
        )

    def _other_database(self, file: ServiceFile) -> list[str]:
        """Whether the service looks at another knowledge base than we do."""
        named = file.values('ecrae_database', 'connection')
        if not named:
            return ['[ecrae_database] connection is not set']
        try:
            theirs = Database(named[-1]).label
            ours = Database(self._conf.ecrae_database.connection).label
        except exception.ConfigError as error:
            return [str(error)]
        if theirs == ours:
            return []
        return [f'its knowledge base is {theirs}, that of ecrae.conf {ours}']


def _result(code: Code, faults: list[str]) -> Result:
    if not faults:
        return Result(Code.SUCCESS)
    return Result(code, '; '.join(faults) + '.')
