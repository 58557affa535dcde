# SPDX-License-Identifier: Apache-2.0

"""What ECRAE's long-running processes share: options, logging, signals.

The only importer of oslo.service, so that its backend is chosen once: native
threads, before anything of it is used.
"""

from collections.abc import Callable
from collections.abc import Sequence

from oslo_config import cfg
from oslo_log import log
from oslo_service import backend

from ecrae import conf as options
from ecrae import exception


backend.init_backend(backend.BackendType.THREADING)

from oslo_service import service  # noqa: E402


class Process(service.ServiceBase):
    """What a process is derived from: start, stop, wait and reset."""


class Periodic(service.Service):
    """Does a piece of work at once and then every interval.

    :param work: what to do; an exception ends only the round it is in.
    """

    def __init__(self, interval_s: float, work: Callable[[], None]) -> None:
        super().__init__()
        self._interval_s = interval_s
        self._work = work

    def start(self) -> None:
        """Begin with the first round."""
        self.tg.add_timer_args(
            self._interval_s,
            self._work,
            initial_delay=0,
            stop_on_exception=False,
        )


def prepare(
    program: str, argv: Sequence[str], *, logs_to_stderr: bool = False
) -> cfg.ConfigOpts:
    """Options from the command line and files; logging as they say.

    :param logs_to_stderr: what is said on stdout is for others to read.
    :raises ConfigError: a file is missing or wrong.
    """
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    log.register_options(conf)
    if logs_to_stderr:
        conf.set_default('use_stderr', True)
    try:
        conf(list(argv), project='ecrae', prog=program)
        options.check(conf)
    except cfg.ConfigFilesNotFoundError as error:
        listed = ', '.join(error.config_files)
        raise exception.ConfigError(f'No file {listed}.') from None
    except (cfg.Error, OSError) as error:
        raise exception.ConfigError(f'Bad configuration: {error}.') from None
    log.setup(conf, 'ecrae')
    return conf


def run(conf: cfg.ConfigOpts, process: service.ServiceBase) -> int:
    """Run until a signal ends it; one worker, which is started again."""
    launcher = service.launch(conf, process, workers=1)
    return int(launcher.wait() or 0)
