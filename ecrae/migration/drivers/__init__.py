# SPDX-License-Identifier: Apache-2.0

"""The ways of moving workloads, by the names operators give them."""

import functools
import pathlib
from collections.abc import Callable

from oslo_config import cfg

from ecrae import exception
from ecrae.migration import channel
from ecrae.migration.drivers import base
from ecrae.migration.drivers import fake
from ecrae.migration.drivers.containers import daemon as daemons
from ecrae.migration.drivers.containers import driver as containers
from ecrae.migration.drivers.criu import driver as criu
from ecrae.migration.drivers.criu import host as hosts


_Maker = Callable[[cfg.ConfigOpts, str, channel.Identity], base.Driver]


def _criu(
    conf: cfg.ConfigOpts, host: str, identity: channel.Identity
) -> base.Driver:
    options = conf.ecrae_agent
    return criu.CriuDriver(
        hosts.Host(
            name=host,
            state=pathlib.Path(options.state_directory),
            workloads=pathlib.Path(options.workload_directory),
            address=options.migration_address,
            ports=range(
                options.migration_port_min, options.migration_port_max + 1
            ),
            identity=identity,
        )
    )


def _fake(
    conf: cfg.ConfigOpts, host: str, identity: channel.Identity
) -> base.Driver:
    return fake.FakeDriver(pathlib.Path(conf.ecrae_agent.fake_directory), host)


def _containers(
    kind: str, conf: cfg.ConfigOpts, host: str, identity: channel.Identity
) -> base.Driver:
    options = conf.ecrae_agent
    return containers.ContainerDriver(
        daemons.Daemon(
            kind,
            host,
            options.container_endpoint
            or f'https://{options.migration_address}:8443',
        )
    )


#: Name in ``[ecrae_agent] drivers`` → how to make it.
DRIVERS: dict[str, _Maker] = {
    'criu': _criu,
    'fake': _fake,
    'incus': functools.partial(_containers, 'incus'),
    'lxd': functools.partial(_containers, 'lxd'),
}


def load(
    conf: cfg.ConfigOpts, host: str, identity: channel.Identity
) -> dict[str, base.Driver]:
    """The drivers that ``[ecrae_agent] drivers`` names.

    :raises ConfigError: when it names one that does not exist.
    """
    unknown = sorted(set(conf.ecrae_agent.drivers) - set(DRIVERS))
    if unknown:
        raise exception.ConfigError(
            f'[ecrae_agent] drivers: there is no {", ".join(unknown)}; there '
            f'are {", ".join(sorted(DRIVERS))}.'
        )
    return {
        name: DRIVERS[name](conf, host, identity)
        for name in conf.ecrae_agent.drivers
    }
