# SPDX-License-Identifier: Apache-2.0

"""Power management as ``[ecrae_power]`` asks for it."""

from oslo_config import cfg

from ecrae.clients.session import Connection
from ecrae.kb import db
from ecrae.migration import rpcapi
from ecrae.migration.hosts import drivers
from ecrae.migration.hosts import enactors


def make_enactors(
    conf: cfg.ConfigOpts,
    connection: Connection,
    database: db.Database,
    api: rpcapi.AgentAPI,
) -> tuple[enactors.SleepEnactor, enactors.WakeEnactor]:
    """What does SLEEP and WAKE actions.

    :raises ConfigError: an option is wrong.
    """
    group = conf.ecrae_power
    waits = enactors.Waits(
        settle_s=group.settle_time,
        sleep_s=group.sleep_timeout,
        wake_s=group.wake_timeout,
    )
    power = make_drivers(conf, connection, api)
    return (
        enactors.SleepEnactor(connection, database, api, power, waits),
        enactors.WakeEnactor(connection, database, api, power, waits),
    )


def make_drivers(
    conf: cfg.ConfigOpts, connection: Connection, api: rpcapi.AgentAPI
) -> drivers.Drivers:
    """The driver of each host.

    :raises ConfigError: an option is wrong.
    """
    group = conf.ecrae_power
    return drivers.Drivers(
        {
            'noop': drivers.NoopDriver(),
            'ironic': drivers.IronicDriver(connection, group.ironic_nodes),
            'ipmi': drivers.IpmiDriver(api, group.ipmi_relays),
            'wake-on-lan': drivers.WakeOnLanDriver(
                api,
                group.mac_addresses,
                group.wake_on_lan_broadcast,
                group.wake_on_lan_port,
            ),
        },
        group.driver,
        group.host_drivers,
    )
