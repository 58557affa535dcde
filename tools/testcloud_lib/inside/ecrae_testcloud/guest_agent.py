# SPDX-License-Identifier: Apache-2.0

"""Stand-in for the agent inside each guest, as fake guests have none.

A real guest reads Heat's credentials from its user data, polls the metadata
of its server resource for software deployments, runs each and signals the
outcome. This one process does so for every server of the cloud, over the
same APIs and with each guest's own credentials, but runs nothing: every
deployment succeeds.
"""

import base64
import email
import json
import logging
import time
from typing import Any

import openstack
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session


LOG = logging.getLogger('testcloud.guest_agent')

POLL_S = 2.0
OUTCOME = {
    'deploy_stdout': 'done by the stand-in for the guest agent\n',
    'deploy_stderr': '',
    'deploy_status_code': 0,
}


class Guest:
    """What one server's agent knows: its collector and what it has done."""

    def __init__(self, collector: dict[str, str]) -> None:
        self._collector = collector
        self._session = session_of(
            collector['auth_url'],
            collector['user_id'],
            collector['password'],
            collector['project_id'],
        )
        self._done: set[str] = set()

    def poll(self) -> None:
        """Signal every deployment not yet signalled."""
        resource = (
            f'/stacks/{self._collector["stack_id"]}'
            f'/resources/{self._collector["resource_name"]}/metadata'
        )
        reply = self._session.get(
            resource, endpoint_filter={'service_type': 'orchestration'}
        )
        metadata = reply.json()['metadata']
        for deployment in metadata.get('deployments', []):
            if deployment['id'] not in self._done:
                signal(deployment)
                self._done.add(deployment['id'])


def session_of(
    auth_url: str, user_id: str, password: str, project_id: str
) -> keystone_session.Session:
    """Log in as a user of Heat's own domain."""
    plugin = loading.get_plugin_loader('v3password').load_from_options(
        auth_url=auth_url,
        user_id=user_id,
        password=password,
        project_id=project_id,
    )
    return keystone_session.Session(auth=plugin)


def signal(deployment: dict[str, Any]) -> None:
    """Report success the way the deployment's inputs say."""
    inputs = {each['name']: each.get('value') for each in deployment['inputs']}
    if inputs.get('deploy_signal_transport') != 'HEAT_SIGNAL':
        LOG.info('%s wants no signal', deployment['name'])
        return
    session = session_of(
        inputs['deploy_auth_url'],
        inputs['deploy_user_id'],
        inputs['deploy_password'],
        inputs['deploy_project_id'],
    )
    outputs = {each['name']: '' for each in deployment.get('outputs', [])}
    session.post(
        f'/stacks/{inputs["deploy_stack_id"]}'
        f'/resources/{inputs["deploy_resource_name"]}/signal',
        json={**outputs, **OUTCOME},
        endpoint_filter={'service_type': 'orchestration'},
    )
    LOG.info(
        'signalled %s of %s', deployment['name'], inputs['deploy_stack_id']
    )


def collector_in(user_data: str) -> dict[str, str] | None:
    """Heat's collector in the user data that Heat wrote, if there is one."""
    message = email.message_from_bytes(base64.b64decode(user_data))
    for part in message.walk():
        if part.get_filename() != 'cfn-init-data':
            continue
        payload = part.get_payload(decode=True)
        document = json.loads(payload)
        return document.get('os-collect-config', {}).get('heat')
    return None


class Agents:
    """One agent a server, from the moment that it is up."""

    def __init__(self, cloud: openstack.connection.Connection) -> None:
        self._cloud = cloud
        self._guests: dict[str, Guest | None] = {}

    def round(self) -> None:
        """Let every agent poll once."""
        up = {
            server.id: server
            for server in self._cloud.compute.servers(
                all_projects=True, status='ACTIVE'
            )
        }
        for gone in self._guests.keys() - up.keys():
            del self._guests[gone]
        for server_id, server in up.items():
            if server_id not in self._guests:
                collector = collector_in(server.user_data or '')
                self._guests[server_id] = (
                    Guest(collector) if collector else None
                )
            if guest := self._guests[server_id]:
                try:
                    guest.poll()
                except Exception as exc:  # others must not wait for it
                    LOG.info('server %s: %r', server_id, exc)


def main() -> None:
    """Poll for ever, with the credentials in the environment."""
    logging.basicConfig(
        level=logging.INFO, format='%(asctime)s %(levelname)s %(message)s'
    )
    logging.getLogger('keystoneauth').setLevel(logging.WARNING)
    cloud = openstack.connect(compute_api_version='2.1')
    cloud.compute.default_microversion = '2.96'
    agents = Agents(cloud)
    while True:
        try:
            agents.round()
        except Exception:
            LOG.exception('will try again')
        time.sleep(POLL_S)


if __name__ == '__main__':
    main()
