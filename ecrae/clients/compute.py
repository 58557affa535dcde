# SPDX-License-Identifier: Apache-2.0

"""What Nova says of hosts and flavors, and Glance of images.

One paged request for each kind of thing, whatever the size of the cloud.
How full a host is, Nova stopped saying at microversion 2.88; see
:mod:`ecrae.clients.placement`.
"""

import collections
import dataclasses
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as auth_exceptions
from novaclient import client as nova_client

from ecrae.clients import failures
from ecrae.clients.session import Connection
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import Image


#: Wallaby's: what it lists is what later ones list.
MICROVERSION = '2.88'

#: Nova's and Glance's default largest page.
PAGE = 1000

#: Glance shows an image of these to every project; ``community`` ones are
#: not listed unless asked for.
OPEN_TO_ALL = ('public', 'community')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hypervisor:
    """A compute node as Nova knows it, without what it has or uses."""

    #: The compute node's and its resource provider's.
    uuid: str
    #: Name of the compute service, by which Nova addresses the host.
    host: str
    hypervisor_hostname: str
    state: HostState
    zone: str
    aggregates: tuple[str, ...]


def nova(connection: Connection) -> Any:
    """A novaclient at :data:`MICROVERSION`."""
    return nova_client.Client(
        MICROVERSION,
        session=connection.session,
        region_name=connection.region,
        endpoint_type=connection.interface,
    )


def list_hypervisors(connection: Connection) -> list[Hypervisor]:
    """Every compute node.

    :raises Forbidden: the account may not see hosts, as no tenant may.
    :raises CloudError: Nova failed.
    """
    api = nova(connection)
    with failures.reported('Nova', 'list hypervisors'):
        found = list(_pages(api.hypervisors.list))
    with failures.reported('Nova', 'list compute services'):
        services = api.services.list(binary='nova-compute')
    with failures.reported('Nova', 'list host aggregates'):
        aggregates = api.aggregates.list()
    zones = {service.host: service.zone for service in services}
    members: dict[str, list[str]] = collections.defaultdict(list)
    for aggregate in aggregates:
        for host in aggregate.hosts:
            members[host].append(aggregate.name)
    return [
        _hypervisor(each, zones, members[each.service['host']])
        for each in found
    ]


def list_flavors(connection: Connection) -> list[Flavor]:
    """Flavors that the account can boot, extra specs included.

    :raises CloudError: Nova failed.
    """
    api = nova(connection)
    with failures.reported('Nova', 'list flavors'):
        found = list(_pages(api.flavors.list))
    return [
        Flavor(
            name=flavor.name,
            vcpus=flavor.vcpus,
            memory_mib=flavor.ram,
            disk_gib=flavor.disk,
            extra_specs=tuple(
                sorted(getattr(flavor, 'extra_specs', {}).items())
            ),
        )
        for flavor in found
    ]


def list_images(
    connection: Connection, project_id: str | None = None
) -> list[Image]:
    """Images that can be booted, each under a name that finds it.

    novaclient's own image manager reads one page and no more, so the pages
    are followed here, through the same session.

    :param project_id: keep only what this project can boot, for an account
        that sees every project's images.
    :raises CloudError: Glance failed.
    """
    with failures.reported('Glance', 'list images'):
        found = [
            image
            for image in _glance_pages(connection)
            if image.get('status') == 'active'
            and _is_open_to(image, project_id)
        ]
    times = collections.Counter(image.get('name') for image in found)
    return [
        _image(image, is_unique=times[image.get('name')] == 1)
        for image in found
    ]


def get_image(connection: Connection, image_id: str) -> Image | None:
    """One image, whoever's it is; None if it was deleted.

    :raises CloudError: Glance failed.
    """
    with failures.reported('Glance', 'show an image'):
        try:
            found = _glance(connection).get(f'/images/{image_id}').json()
        except auth_exceptions.NotFound:
            return None
    return _image(found, is_unique=False)


def _hypervisor(
    found: Any, zones: Mapping[str, str], aggregates: list[str]
) -> Hypervisor:
    host = found.service['host']
    if found.state != 'up':
        state = HostState.DOWN
    elif found.status != 'enabled':
        state = HostState.DRAINING
    else:
        state = HostState.AWAKE
    return Hypervisor(
        uuid=found.id,
        host=host,
        hypervisor_hostname=found.hypervisor_hostname,
        state=state,
        zone=zones.get(host, 'nova'),
        aggregates=tuple(sorted(aggregates)),
    )


def _pages(listing: Any) -> Iterator[Any]:
    """Every item of a novaclient listing that takes a marker."""
    marker = None
    while page := listing(detailed=True, marker=marker, limit=PAGE):
        yield from page
        marker = page[-1].id


def _glance(connection: Connection) -> adapter.Adapter:
    return connection.api('image', min_version='2.0', max_version='2.latest')


def _glance_pages(connection: Connection) -> Iterator[dict[str, Any]]:
    glance = _glance(connection)
    path = f'/images?limit={PAGE}&sort=name:asc,id:asc&os_hidden=false'
    while path:
        page = glance.get(path).json()
        yield from page['images']
        # Glance's link starts at the root, the endpoint has the version.
        path = page.get('next', '').removeprefix('/v2')


def _is_open_to(image: Mapping[str, Any], project_id: str | None) -> bool:
    return (
        project_id is None
        or image.get('visibility') in OPEN_TO_ALL
        or image.get('owner') == project_id
    )


def _image(found: Mapping[str, Any], *, is_unique: bool) -> Image:
    """Value of an image.

    Heat and Nova refuse a name that two images bear, so such an image goes
    by its id.
    """
    name = found.get('name')
    return Image(
        name=name if name and is_unique else found['id'],
        architecture=found.get('architecture')
        or found.get('hw_architecture')
        or '',
        os_type=found.get('os_type') or '',
        os_distribution=found.get('os_distro') or '',
        os_version=found.get('os_version') or '',
        min_memory_mib=found.get('min_ram') or 0,
        min_disk_gib=found.get('min_disk') or 0,
    )
