# SPDX-License-Identifier: Apache-2.0

"""What the rebalancer proposes, and what comes of it."""

import json
from typing import Any

from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions
from tempest.lib.cli import base as cli
from tempest.lib.common.utils import test_utils

from ecrae_tempest_plugin.tests.scenario import base


CONF = config.CONF

PINNED = {'ecrae:pinned': 'true'}
FINAL = ('SUCCEEDED', 'FAILED', 'CANCELLED', 'SUPERSEDED')


class TestPlanAndEnact(base.EcraeScenario):
    """One server too many on a host is seen, and put where there is room.

    The same test serves both modes: a plan that waits is approved, and in
    ``auto`` none waits.
    """

    @classmethod
    def skip_checks(cls) -> None:
        """Say what the cloud, or its description, lacks."""
        super().skip_checks()
        if not CONF.compute_feature_enabled.live_migration:
            raise cls.skipException('the cloud has no live migration')
        if not CONF.ecrae.operator_command:
            raise cls.skipException(
                '[ecrae] operator_command is not set: no rebalancer'
            )
        if len(CONF.ecrae.rebalanced_hosts) < 2:
            raise cls.skipException(
                '[ecrae] rebalanced_hosts does not name two hosts'
            )

    @decorators.idempotent_id('5b8f2f5e-0e0c-4f3e-9a3b-6d8f5c1f7a01')
    @decorators.attr(type='slow')
    def test_what_is_apart_comes_together(self):
        """A server joins a pinned one, and its host becomes empty."""
        kept_on, left = CONF.ecrae.rebalanced_hosts[:2]
        pinned = self.boot_on(kept_on, metadata=PINNED)
        moved = self.boot_on(left)

        plan = self.wait_for_plan(moved['id'])
        self.assertEqual(
            [kept_on],
            [
                action['destination']
                for action in plan['actions']
                if action['workload'] == moved['id']
            ],
        )
        self.assertNotIn(
            pinned['id'], [action['workload'] for action in plan['actions']]
        )
        if plan['state'] == 'PENDING':
            self.assertEqual(left, self.host_of(moved))
        ended = self.see_it_enacted(moved['id'])

        self.assertEqual('SUCCEEDED', ended['state'], ended['error'])
        self.assertEqual(kept_on, self.host_of(moved))
        self.assertEqual(kept_on, self.host_of(pinned))
        self.assertEqual('ACTIVE', self.show_server(moved['id'])['status'])

    def boot_on(self, host: str, **rest: Any) -> dict[str, Any]:
        """Boot an administrator's server on a host."""
        zones = self.os_admin.availability_zone_client
        listed = zones.list_availability_zones(detail=True)
        zone = next(
            each['zoneName']
            for each in listed['availabilityZoneInfo']
            if host in (each['hosts'] or {})
        )
        return self.boot(
            self.all_servers, availability_zone=f'{zone}:{host}', **rest
        )

    def host_of(self, server: dict[str, Any]) -> str:
        """Where a server is now."""
        shown = self.show_server(server['id'])
        host: str = shown['OS-EXT-SRV-ATTR:host']
        return host

    def ecrae(self, action: str, *, fail_ok: bool = False) -> Any:
        """Run a command of ``ecrae``; what it answers."""
        answer = cli.execute(
            CONF.ecrae.operator_command,
            action,
            params='-f json',
            fail_ok=fail_ok,
            cli_dir='',
        )
        return json.loads(answer) if answer else None

    def plans_of(self, server_id: str) -> list[dict[str, Any]]:
        """Plans that move a server, newest first."""
        shown = [
            self.ecrae(f'proposal show {row["id"]}')
            for row in self.ecrae('proposal list --limit 5')
        ]
        return [
            plan
            for plan in shown
            if server_id in [each['workload'] for each in plan['actions']]
        ]

    def wait_for_plan(self, server_id: str) -> dict[str, Any]:
        """The newest plan that moves a server, once there is one."""
        self._wait(
            lambda: bool(self.plans_of(server_id)),
            f'no plan moves server {server_id}',
        )
        return self.plans_of(server_id)[0]

    def see_it_enacted(self, server_id: str) -> dict[str, Any]:
        """Approve what waits until the plan of a server has ended.

        The rebalancer replaces a plan that the cloud has outgrown.
        """

        def has_ended() -> bool:
            plan = self.plans_of(server_id)[0]
            if plan['state'] == 'PENDING':
                self.ecrae(f'proposal approve {plan["id"]}', fail_ok=True)
            return plan['state'] in FINAL and plan['state'] != 'SUPERSEDED'

        self._wait(has_ended, f'the plan of server {server_id} has not ended')
        return self.plans_of(server_id)[0]

    def _wait(self, is_done: Any, complaint: str) -> None:
        if not test_utils.call_until_true(
            is_done, CONF.ecrae.plan_timeout, CONF.ecrae.build_interval
        ):
            raise exceptions.TimeoutException(
                f'{complaint} after {CONF.ecrae.plan_timeout} s'
            )
