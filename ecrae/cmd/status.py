# SPDX-License-Identifier: Apache-2.0

"""``ecrae-status upgrade check``: is ECRAE set up right, everywhere?

Exit codes are those of every OpenStack status command: 0 all is well, 1 a
warning, 2 a failure, 255 the command itself failed.
"""

import sys

from oslo_config import cfg

from ecrae import conf as ecrae_conf


CLI_OPTIONS = [
    cfg.StrOpt(
        'nova-conf',
        default='/etc/nova/nova.conf',
        help='Configuration of nova-scheduler.',
    ),
    cfg.StrOpt(
        'heat-conf',
        default='/etc/heat/heat.conf',
        help='Configuration of heat-engine.',
    ),
]


def main(argv: list[str] | None = None) -> int:
    """Run ``ecrae-status`` and return its exit code."""
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f'ecrae-status needs the Python package {error.name}: '
            'pip install ecrae[status].\n'
        )
    except (cfg.Error, OSError) as error:
        sys.stderr.write(f'Bad configuration: {error}\n')
    return 255


def _run(argv: list[str]) -> int:
    from oslo_upgradecheck import upgradecheck

    from ecrae.cmd import upgrade_checks

    conf = cfg.ConfigOpts()
    ecrae_conf.register_opts(conf)
    conf.register_cli_opts(CLI_OPTIONS)
    checks = upgrade_checks.Checks(conf)
    return int(upgradecheck.main(conf, 'ecrae', checks, argv))


if __name__ == '__main__':
    sys.exit(main())
