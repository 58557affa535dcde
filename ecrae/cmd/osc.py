# SPDX-License-Identifier: Apache-2.0

"""Every ``ecrae`` command as ``openstack ecrae …`` too.

python-openstackclient finds this module by the entry point
``openstack.cli.extension`` and the commands, the same classes that ``ecrae``
runs, by ``openstack.ecrae.v1``. Each ``openstack`` command imports it, so
it imports nothing itself.
"""

from typing import TYPE_CHECKING
from typing import Any


if TYPE_CHECKING:
    from oslo_config import cfg

    from ecrae.clients import session

API_NAME = 'ecrae'
API_VERSION_OPTION = 'os_ecrae_api_version'
API_VERSIONS = ('1',)
DEFAULT_API_VERSION = '1'


class Client:
    """What commands ask of ``openstack``.

    :param manager: its client manager, which has signed in where the
        command says ``auth_required``.
    """

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._conf: cfg.ConfigOpts | None = None

    @property
    def conf(self) -> 'cfg.ConfigOpts':
        """ECRAE's configuration.

        :raises ConfigError: a file is missing or wrong.
        """
        from ecrae import conf

        if self._conf is None:
            files = self._manager.get_configuration().get('ecrae_config_file')
            self._conf = conf.load(files)
        return self._conf

    @property
    def connection(self) -> 'session.Connection':
        """The session of ``openstack``, whatever it signed in with."""
        from ecrae.clients import session

        return session.Connection(
            session=self._manager.session,
            region=self._manager.region_name or None,
            interface=[str(self._manager.interface or 'public')],
        )


def make_client(instance: Any) -> Client:
    """Commands' way to ``openstack``; its client manager keeps it."""
    return Client(instance)


def build_option_parser(parser: Any) -> Any:
    """Options of ``openstack`` itself."""
    parser.add_argument(
        '--os-ecrae-api-version',
        metavar='<ecrae-api-version>',
        help='Version of the ecrae commands; there is one, 1.',
    )
    parser.add_argument(
        '--ecrae-config-file',
        metavar='<path>',
        action='append',
        help='Configuration that ecrae commands read in place of '
        '/etc/ecrae/ecrae.conf; repeat it for several files, of which the '
        'last wins.',
    )
    return parser
