# SPDX-License-Identifier: Apache-2.0

"""What a fresh cloud needs through its APIs; run by the cloud's own Python.

``seed.py identity|resources`` reads what to make as JSON on its standard
input and makes what is missing of it, so that it can run again.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import openstack
from keystoneauth1 import exceptions
from openstack import exceptions as sdk_exceptions


Connection = openstack.connection.Connection


def identity(cloud: Connection, wanted: dict[str, Any]) -> None:
    """Make projects, users, roles, services and endpoints."""
    ident = cloud.identity
    roles = {role.name: role for role in ident.roles()}
    domain = ident.find_domain('Default')
    for project in wanted['projects']:
        ident.find_project(project) or ident.create_project(
            name=project, domain_id=domain.id
        )
    users = {user.name: user for user in ident.users()}
    for name, entry in wanted['users'].items():
        user = users.get(name) or ident.create_user(
            name=name, password=entry['password'], domain_id=domain.id
        )
        project = ident.find_project(entry['project'])
        for role in entry['roles']:
            ident.assign_project_role_to_user(project, user, roles[role])
    services = {service.type: service for service in ident.services()}
    known = {(each.service_id, each.interface) for each in ident.endpoints()}
    for kind, entry in wanted['services'].items():
        service = services.get(kind) or ident.create_service(
            type=kind, name=entry['name']
        )
        for interface in ('public', 'internal'):
            if (service.id, interface) not in known:
                ident.create_endpoint(
                    service_id=service.id,
                    interface=interface,
                    region_id=wanted['region'],
                    url=entry['url'],
                )
    heat_domain(cloud, roles, wanted['heat_domain'])


def heat_domain(
    cloud: Connection, roles: dict[str, Any], entry: dict[str, str]
) -> None:
    """Make the domain where Heat keeps the users of guests."""
    ident = cloud.identity
    domain = ident.find_domain(entry['name']) or ident.create_domain(
        name=entry['name']
    )
    user = ident.find_user(
        entry['admin'], domain_id=domain.id
    ) or ident.create_user(
        name=entry['admin'], password=entry['password'], domain_id=domain.id
    )
    ident.assign_domain_role_to_user(domain, user, roles['admin'])
    if 'heat_stack_user' not in roles:
        ident.create_role(name='heat_stack_user')


def resources(cloud: Connection, wanted: dict[str, Any]) -> None:
    """Make images, flavors and the network; wait for the computes."""
    images = {image.name for image in cloud.image.images()}
    for name, properties in wanted['images'].items():
        if name not in images:
            cloud.image.create_image(
                name,
                data=f'{name} of the test cloud\n'.encode(),
                disk_format='raw',
                container_format='bare',
                visibility='public',
                validate_checksum=False,
                **properties,
            )
    flavors(cloud, wanted['flavors'])
    network(cloud, wanted['network'])
    wait_for(lambda: computes_up(cloud) >= set(wanted['computes']))
    wait_for(lambda: inventories(cloud) >= set(wanted['computes']))


def flavors(cloud: Connection, wanted: dict[str, dict[str, Any]]) -> None:
    """Make missing flavors."""
    known = {flavor.name for flavor in cloud.compute.flavors()}
    for name, entry in wanted.items():
        if name in known:
            continue
        flavor = cloud.compute.create_flavor(
            name=name,
            vcpus=entry['vcpus'],
            ram=entry['memory_mib'],
            disk=entry['disk_gib'],
        )
        if entry.get('extra_specs'):
            cloud.compute.create_flavor_extra_specs(
                flavor, entry['extra_specs']
            )


def network(cloud: Connection, name: str) -> None:
    """Make the one network, shared by all tenants."""
    if cloud.network.find_network(name):
        return
    made = cloud.network.create_network(name=name, shared=True)
    cloud.network.create_subnet(
        network_id=made.id,
        name=name,
        ip_version=4,
        cidr='10.20.0.0/16',
        enable_dhcp=False,
    )


def computes_up(cloud: Connection) -> set[str]:
    """Hosts whose nova-compute reports."""
    return {
        service.host
        for service in cloud.compute.services(binary='nova-compute')
        if service.state == 'up'
    }


def inventories(cloud: Connection) -> set[str]:
    """Hosts that the scheduler can find in Placement and in a cell."""
    known = {each.name for each in cloud.placement.resource_providers()}
    return known & {each.name for each in cloud.compute.hypervisors()}


def wait_for(condition: Callable[[], bool], timeout_s: float = 120) -> None:
    """Poll until true; exit with an error if it does not become so."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (exceptions.ClientException, sdk_exceptions.SDKException):
            pass
        time.sleep(0.5)
    sys.exit(f'not all compute hosts came up within {timeout_s:.0f} s')


if __name__ == '__main__':
    {'identity': identity, 'resources': resources}[sys.argv[1]](
        openstack.connect(), json.load(sys.stdin)
    )
