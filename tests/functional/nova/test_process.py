# SPDX-License-Identifier: Apache-2.0

"""How the plugins live in nova-scheduler's processes."""

import os
import pickle
import subprocess
import sys
import textwrap
import threading

import pytest

from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters.drain_filter import EcraeDrainFilter
from ecrae.scheduler_filters.energy_weigher import EcraeEnergyWeigher
from ecrae.scheduler_filters.tag_filter import EcraeTagFilter
from tests import hardware


def _python(code, *arguments):
    done = subprocess.run(
        [
            sys.executable,
            '-W',
            'ignore',
            '-c',
            textwrap.dedent(code),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_plugins_bring_only_numpy_to_nova_scheduler():
    brought = _python(
        """
        import sys
        import nova.scheduler.manager
        before = set(sys.modules)
        import ecrae.scheduler_filters.drain_filter
        import ecrae.scheduler_filters.energy_weigher
        import ecrae.scheduler_filters.tag_filter
        new = {name.split('.')[0] for name in set(sys.modules) - before}
        print(*sorted(new - set(sys.stdlib_module_names)))
        print(*sorted(n for n in sys.modules if n.startswith('ecrae.')))
        """
    )

    assert set(brought) >= {'ecrae', 'numpy'}
    packages = {name.split('.')[0] for name in brought}
    assert packages == {'ecrae', 'numpy'}
    ours = {n.split('.')[1] for n in brought if n.startswith('ecrae.')}
    assert ours == {'conf', 'exception', 'kb', 'model', 'scheduler_filters'}


def test_nothing_starts_with_the_plugins(conf):
    before = threading.enumerate()

    for plugin in (EcraeDrainFilter, EcraeEnergyWeigher, EcraeTagFilter):
        # oslo.service pickles the service where it spawns its workers.
        pickle.dumps(plugin())

    assert knowledge_view._keeper is None
    assert threading.enumerate() == before


@pytest.mark.filterwarnings('ignore:This process:DeprecationWarning')
def test_forked_worker_reads_for_itself(knowledge_base):
    knowledge_base(hardware.knowledge({'a': 'arm'}))
    assert knowledge_view.current() is not None
    # The worst moment to fork is while a request holds the lock.
    with knowledge_view._lock:
        child = os.fork()
    if not child:
        view = knowledge_view.current()
        thread = knowledge_view._keeper._thread
        is_fine = view and 'a' in view.knowledge.hosts and thread.is_alive()
        os._exit(0 if is_fine else 1)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert knowledge_view.current() is not None


def test_plugins_work_on_eventlet(knowledge_base):
    import nova.conf

    knowledge_base(hardware.knowledge({'a': 'arm'}))

    said = _python(
        """
        import eventlet
        eventlet.monkey_patch()
        import sys
        from nova import config
        import nova.conf
        config.parse_args(['nova'], default_config_files=[])
        from ecrae.scheduler_filters import knowledge_view
        nova.conf.CONF.set_override(
            'connection', sys.argv[1], group='ecrae_database'
        )
        nova.conf.CONF.set_override(
            'refresh_interval', 1, group='ecrae_scheduler'
        )
        pool = eventlet.GreenPool()
        views = list(pool.imap(lambda _: knowledge_view.current(), range(9)))
        first = views[0].read_at
        eventlet.sleep(2.5)
        later = knowledge_view.current().read_at
        print(all('a' in view.knowledge.hosts for view in views))
        print(later > first)
        """,
        nova.conf.CONF.ecrae_database.connection,
    )

    assert said == ['True', 'True']
