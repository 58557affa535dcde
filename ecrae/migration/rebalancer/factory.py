# SPDX-License-Identifier: Apache-2.0

"""The rebalancer's parts, made as the options say."""

import dataclasses
import datetime
from collections.abc import Callable
from collections.abc import Mapping

from oslo_config import cfg

from ecrae import rpc
from ecrae.clients import session
from ecrae.clients.session import Connection
from ecrae.conf import energy
from ecrae.kb import plans
from ecrae.kb.db import Database
from ecrae.migration import rpcapi
from ecrae.migration.container_moves import ContainerMover
from ecrae.migration.hosts import assembly as hosts
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import Migration
from ecrae.migration.optimizer.snapshot import Rules
from ecrae.migration.rebalancer import ledger as ledgers
from ecrae.migration.rebalancer import overload
from ecrae.migration.rebalancer import sleepers
from ecrae.migration.rebalancer import windows
from ecrae.migration.rebalancer.cycle import Cycle
from ecrae.migration.rebalancer.executor import Enactor
from ecrae.migration.rebalancer.executor import Executor
from ecrae.migration.rebalancer.executor import Key
from ecrae.migration.rebalancer.guard import Limits
from ecrae.migration.rebalancer.ledger import Ledger
from ecrae.migration.rebalancer.ledger import Tellers
from ecrae.migration.rebalancer.metrics import Metrics
from ecrae.migration.rebalancer.notifications import Notifications
from ecrae.migration.rebalancer.observer import Observer
from ecrae.migration.rebalancer.observer import Patience
from ecrae.migration.rebalancer.servers import ServerMover
from ecrae.migration.rebalancer.servers import Timing
from ecrae.migration.rebalancer.supplement import Supplement
from ecrae.migration.rebalancer.supplement import Switching
from ecrae.migration.rebalancer.worth import Aim
from ecrae.migration.redeploy import RedeployEnactor
from ecrae.model.plan import ActionKind


#: Reports that an agent may miss before it counts as down.
_AGENT_PATIENCE = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a rebalancer is made of."""

    cycle: Cycle
    metrics: Metrics


def make(conf: cfg.ConfigOpts, must_stop: Callable[[], bool]) -> Parts:
    """All parts; nothing is connected yet.

    :raises ConfigError: an option is missing or wrong.
    """
    options = conf.ecrae_rebalancer
    database = Database(conf.ecrae_database.connection)
    connection = session.from_options(conf)
    metrics = Metrics()
    ledger = Ledger(database, Tellers(Notifications(conf), metrics))
    executor = Executor(
        ledger,
        enactors(conf, connection, database),
        max_concurrent=options.max_concurrent,
        max_per_host=options.max_concurrent_per_host,
        must_stop=must_stop,
    )
    observer = Observer(
        connection,
        database,
        patience(conf),
        energy.tariff(conf),
        max_load=conf.ecrae_overload.max_load,
    )
    return Parts(
        cycle=Cycle(
            observer,
            ledger,
            executor,
            aim(conf),
            limits(conf),
            supplement=Supplement(switching(conf, database), relief(conf)),
        ),
        metrics=metrics,
    )


def switching(conf: cfg.ConfigOpts, database: Database) -> Switching | None:
    """How hosts are switched; None where they are not."""
    group = conf.ecrae_power
    if not group.enabled:
        return None
    memory_s = max(group.min_off_time, group.min_on_time)

    def switched_s() -> dict[str, float]:
        now = ledgers.utc_now()
        since = now - datetime.timedelta(seconds=memory_s)
        with database.reader() as transaction:
            found = plans.last_switches(transaction, since)
        return {
            host: (now - when).total_seconds() for host, when in found.items()
        }

    return Switching(
        rules=sleepers.Rules(
            headroom=group.min_headroom,
            spare_hosts=group.spare_hosts,
            min_off_s=group.min_off_time,
            min_on_s=group.min_on_time,
            lead_s=group.wake_lead_time,
            safety=group.forecast_safety,
        ),
        interval_s=conf.ecrae_rebalancer.interval,
        never_sleep=frozenset((*group.never_sleep, *group.ipmi_relays)),
        switched_s=switched_s,
    )


def relief(conf: cfg.ConfigOpts) -> overload.Rules | None:
    """When components are relieved; None where they are not."""
    group = conf.ecrae_overload
    if not group.enabled:
        return None
    return overload.Rules(
        hold_s=group.hold_time,
        margin=group.margin,
        max_moves=group.max_moves,
        tariff=energy.tariff(conf),
    )


def enactors(
    conf: cfg.ConfigOpts, connection: Connection, database: Database
) -> Mapping[Key, Enactor]:
    """Who does which actions."""
    options = conf.ecrae_rebalancer
    timing = Timing(
        timeout_s=options.migration_timeout,
        force_after_s=options.force_complete_after or None,
    )
    api = rpcapi.AgentAPI(rpc.get_transport(conf))
    sleep, wake = hosts.make_enactors(conf, connection, database, api)
    return {
        Key(kind=ActionKind.MIGRATE): ServerMover(connection, timing),
        Key(kind=ActionKind.MIGRATE, subject='container'): ContainerMover(
            api, timeout_s=options.migration_timeout
        ),
        Key(kind=ActionKind.SLEEP): sleep,
        Key(kind=ActionKind.WAKE): wake,
        Key(kind=ActionKind.REDEPLOY): RedeployEnactor(
            connection,
            lambda project: session.from_options(conf, project),
            database,
            timeout_s=conf.ecrae_overload.redeploy_timeout,
        ),
    }


def aim(conf: cfg.ConfigOpts) -> Aim:
    """What plans are made for."""
    options = conf.ecrae_rebalancer
    return Aim(
        strategy=STRATEGIES[options.strategy],
        rules=Rules(
            headroom=options.headroom,
            cpu_ceiling=options.cpu_ceiling,
            spare_hosts=options.spare_hosts,
            may_wake=False,
            same_cpu_features=options.same_cpu_features,
        ),
        migration=Migration(
            bandwidth_mib_s=options.bandwidth, horizon_s=options.horizon
        ),
        max_migrations=options.max_migrations,
        time_limit_s=options.time_limit,
        switches_hosts=conf.ecrae_power.enabled,
    )


def limits(conf: cfg.ConfigOpts) -> Limits:
    """How strong each brake is.

    :raises ConfigError: a window is none.
    """
    options = conf.ecrae_rebalancer
    return Limits(
        is_automatic=options.mode == 'auto',
        max_age_s=conf.ecrae_telemetry.max_age,
        min_measured=options.min_measured / 100,
        max_flux=options.max_flux / 100,
        threshold=options.threshold / 100,
        margin=options.margin,
        horizon_s=options.horizon,
        hold_s=options.hold_time,
        failure_pause_s=options.failure_pause,
        windows=tuple(windows.parse(text) for text in options.window),
    )


def patience(conf: cfg.ConfigOpts) -> Patience:
    """How old what is known may be."""
    return Patience(
        reading_s=conf.ecrae_telemetry.max_age,
        agent_s=_AGENT_PATIENCE * conf.ecrae_agent.heartbeat_interval,
        cooldown_s=conf.ecrae_rebalancer.cooldown,
    )
