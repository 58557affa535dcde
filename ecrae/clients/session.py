# SPDX-License-Identifier: Apache-2.0

"""Ways to a cloud: the caller's own credentials, or a service's options.

A person at a shell has ``OS_*`` variables or a ``clouds.yaml``, read here by
openstacksdk exactly as ``openstack`` reads them. A service has an
``[ecrae_cloud]`` group in its configuration file with keystoneauth's usual
options, as Nova has ``[placement]``.
"""

import dataclasses
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as auth_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session
from openstack import config as cloud_config
from openstack import exceptions as sdk_exceptions
from oslo_config import cfg

from ecrae import exception


GROUP = cfg.OptGroup(
    'ecrae_cloud',
    title='Access to the cloud',
    help="""
Credentials by which a service looks at hosts, flavors, images and capacity.

The account needs to read hypervisors, services and aggregates in Nova and
allocation candidates in Placement: with default policies, the admin role on
the service project. Tenants never see these credentials.
""",
)

#: Seconds after which an API that does not answer counts as gone.
TIMEOUT_S = 60

#: Options that say where a token counts.
_SCOPE = (
    'project_id',
    'project_name',
    'project_domain_id',
    'project_domain_name',
    'domain_id',
    'domain_name',
    'system_scope',
)


@dataclasses.dataclass(frozen=True)
class Connection:
    """A session and which of each service's endpoints it is meant to use."""

    session: keystone_session.Session
    region: str | None = None
    #: Kinds of endpoint, the preferred one first; a list, as keystoneauth
    #: takes nothing else for several.
    interface: list[str] = dataclasses.field(
        default_factory=lambda: ['public']
    )

    def api(self, service_type: str, **versions: Any) -> adapter.Adapter:
        """A service's own API, for what its client has no call.

        :param versions: which versions of it, as keystoneauth takes them.
        """
        return adapter.Adapter(
            self.session,
            service_type=service_type,
            region_name=self.region,
            interface=self.interface,
            **versions,
        )


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """``[ecrae_cloud]`` for the sample file's generator."""
    plugin = loading.get_auth_plugin_conf_options('password')
    return [(GROUP, [*_options(), *plugin])]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make ``[ecrae_cloud]`` known to ``conf``; safe to repeat."""
    # oslo.config keeps a group's options in the group: with one that all
    # configurations shared, the plugin that one needs would be asked of all.
    group = cfg.OptGroup(GROUP.name, title=GROUP.title, help=GROUP.help)
    conf.register_group(group)
    conf.register_opts(_options(), group=GROUP.name)


def from_options(
    conf: cfg.ConfigOpts, project_id: str | None = None
) -> Connection:
    """Connection of a service, from its ``[ecrae_cloud]`` options.

    :param project_id: project to act in; None: that of the options. The
        service's account needs a role there.
    :raises ConfigError: the group lacks what its ``auth_type`` needs.
    """
    register_opts(conf)
    scope: dict[str, str | None] = {}
    if project_id is not None:
        scope = dict.fromkeys(_SCOPE)
        scope['project_id'] = project_id
    try:
        auth = loading.load_auth_from_conf_options(conf, GROUP.name, **scope)
    except auth_exceptions.ClientException as error:
        raise exception.ConfigError(
            f'[{GROUP.name}]: {error}. Set auth_type and the options it '
            'needs, as for any OpenStack service user.'
        ) from error
    if auth is None:
        raise exception.ConfigError(
            f'[{GROUP.name}] auth_type is not set: ECRAE does not know how '
            'to look at the cloud.'
        )
    options = conf[GROUP.name]
    return Connection(
        session=loading.load_session_from_conf_options(
            conf, GROUP.name, auth=auth
        ),
        region=options.region_name,
        interface=options.valid_interfaces,
    )


def from_environment(cloud: str | None = None) -> Connection:
    """Connection of a person, from ``OS_*`` or ``clouds.yaml``.

    :param cloud: name in ``clouds.yaml``; ``OS_CLOUD`` if not given.
    :raises ConfigError: there are no credentials, or they are incomplete.
    """
    try:
        region = cloud_config.OpenStackConfig().get_one(cloud=cloud)
        session = region.get_session()
    except (
        sdk_exceptions.ConfigException,
        auth_exceptions.ClientException,
    ) as error:
        raise exception.ConfigError(
            f'No usable cloud credentials: {str(error).rstrip(".")}. Source '
            "your project's RC file (OS_AUTH_URL …), or name an entry of "
            'clouds.yaml with OS_CLOUD.'
        ) from error
    if session.timeout is None:
        session.timeout = TIMEOUT_S
    return Connection(
        session=session,
        region=region.get_region_name() or None,
        interface=[str(region.get_interface() or 'public')],
    )


def _options() -> list[cfg.Opt]:
    options = [
        *loading.get_auth_common_conf_options(),
        *loading.get_session_conf_options(),
        cfg.StrOpt(
            'region_name',
            help='Region whose endpoints are used. Not set: the only one.',
        ),
        cfg.ListOpt(
            'valid_interfaces',
            default=['internal', 'public'],
            help='Kinds of endpoint that are used, the preferred one first.',
        ),
    ]
    for option in options:
        if option.dest == 'timeout':
            option.default = TIMEOUT_S
    return options
