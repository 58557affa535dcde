# SPDX-License-Identifier: Apache-2.0

"""A reader's desk: all that commands in the documents speak of is there.

A folder with the files, a knowledge base with hosts, a plan and a decision,
measurements of a day, and two hosts whose agents answer in this process.
"""

import contextlib
import dataclasses
import datetime
import gzip
import io
import pathlib
import re
import shlex
import shutil
import threading
import uuid

from ecrae import exception
from ecrae.cmd import manage
from ecrae.cmd import shell
from ecrae.kb import decisions
from ecrae.kb.db import Database
from ecrae.migration import journal
from ecrae.migration.drivers import fake
from ecrae.model.decision import CandidateScore
from ecrae.model.decision import ComponentDecision
from ecrae.model.decision import Decision
from ecrae.model.knowledge import TagKind
from tests import documented
from tests.unit.cmd import measured
from tests.unit.migration import cloud as agents
from tests.unit.migration.rebalancer import world as worlds


#: Identifiers that the documents use.
PLAN = '6f1c0a52'
MIGRATION = '6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
DECISION = '6c8f0a4e-9d5c-4b7c-8f0e-0d8b3c1f2a59'
CHANGE = '212'

HOSTS = """
ecrae_knowledge: 1
hosts:
  compute-1: {node_type: arm-altra-q80}
  compute-2: {node_type: arm-altra-q80}
  compute-7: {node_type: x86-xeon-8380}
"""
TRACE = documented.TOP / 'tests/data/planetlab/excerpt.csv'
MAINS = {'ecrae': shell.main, 'ecrae-manage': manage.main}


def lay(folder):
    """Put into a folder what commands speak of; all but a cloud."""
    conf = folder / 'ecrae.conf'
    conf.write_text(
        '[DEFAULT]\ntransport_url = fake:/\n'
        f'[ecrae_database]\nconnection = sqlite:///{folder}/kb.sqlite\n'
    )
    (folder / 'examples').symlink_to(documented.TOP / 'examples')
    _write_files(folder)
    for line in (
        'db sync',
        'kb import --builtin',
        f'kb import {folder}/hosts.yaml',
        f'kb export {folder}/backup.yaml',
        f'certificate issue compute-1 --address 192.0.2.7 --ca {folder}/ca',
    ):
        code = manage.main(['--config-file', str(conf), *line.split()])
        assert code == 0, line
    measured.write(folder, 'compute-1', 'compute-2')
    _record_decision(Database(f'sqlite:///{folder}/kb.sqlite'))


def copy(template, folder, requests_mock):
    """Lay a folder as another is, and a cloud on the wire."""
    shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
    conf = folder / 'ecrae.conf'
    conf.write_text(conf.read_text().replace(str(template), str(folder)))
    measured.serve(folder, requests_mock)
    (folder / 'new.conf').write_text(conf.read_text())


def _write_files(folder):
    (folder / 'hosts.yaml').write_text(HOSTS)
    (folder / 'my-hosts.yaml').write_text(HOSTS)
    shutil.copytree(documented.TOP / 'examples', folder, dirs_exist_ok=True)
    exact = (documented.TOP / 'examples/exact.yaml').read_text()
    (folder / 'app.yaml').write_text(exact)
    sized = exact.replace(
        'topology_template:',
        'topology_template:\n  inputs: {size: {type: string}}',
    )
    (folder / 'app.csar').write_text(sized)
    simulator = documented.TOP / 'doc/source/admin/simulator.rst'
    for name, text in documented.documents(simulator).items():
        (folder / name).write_text(text)
    (folder / '20110303.csv.gz').write_bytes(gzip.compress(TRACE.read_bytes()))


def _record_decision(database):
    scores = (
        CandidateScore(node_type='arm', flavor='small', efficiency=2.0),
        CandidateScore(
            node_type='x86', flavor='small', is_feasible=False, reason='full'
        ),
    )
    component = ComponentDecision(
        node='web',
        tag='web-frontend',
        kind=TagKind.HINT,
        chosen=scores[0],
        candidates=scores,
    )
    made = Decision(
        id=DECISION,
        created_at=datetime.datetime(2026, 3, 4, 5, 6, tzinfo=datetime.UTC),
        source='owncloud.yaml',
        components=(component,),
    )
    with database.writer() as session:
        decisions.record(session, made)


@dataclasses.dataclass
class Desk:
    """Types commands in the folder, as a shell there would."""

    folder: pathlib.Path
    monkeypatch: object
    capsys: object

    def type(self, line, *, main=None):
        """Run a line; its exit code, output and errors.

        :param main: called with the arguments in place of the program's own.
        """
        words, _, into = line.partition(' > ')
        words, _, source = words.partition(' < ')
        if source:
            held = io.BytesIO((self.folder / source).read_bytes())
            self.monkeypatch.setattr('sys.stdin', io.TextIOWrapper(held))
        program, *rest = shlex.split(words, comments=True)
        config = ['--config-file', str(self.folder / 'ecrae.conf')]
        run = main or MAINS[program]
        try:
            code = run([*config, *rest])
        except SystemExit as exit_:
            code = exit_.code
        output, errors = self.capsys.readouterr()
        if into:
            (self.folder / into).write_text(output)
        return code, output, errors

    def write(self, documents):
        """Save a page's files."""
        for name, text in documents.items():
            (self.folder / name).write_text(text)

    def plan(self):
        """A plan that waits for a person; its identifier."""
        world = worlds.spread(self.folder)
        return world.cycle(worlds.ADVICE).plan().plan.id

    def newest_change(self):
        """The identifier of a tag's newest change."""
        line = 'ecrae-manage kb history -f value -c id'
        return self.type(line)[1].split()[0]

    @contextlib.contextmanager
    def hosts(self):
        """Two hosts with agents, of which the first runs ``web``."""
        found = Hosts(self.folder)
        try:
            yield found
        finally:
            found.stop()


class Hosts(agents.Cloud):
    """Agents whose reports are in the desk's own knowledge base."""

    def __init__(self, folder):
        kept = (folder / 'ecrae.conf').read_text()
        super().__init__(folder)
        (folder / 'ecrae.conf').write_text(kept)
        self.database = Database(f'sqlite:///{folder}/kb.sqlite')
        for host in ('compute-1', 'compute-2'):
            self.add(host)
        self.reset()

    def reset(self):
        """Let the workload be where it was at first."""
        (self.folder / 'copies/compute-2/web').unlink(missing_ok=True)
        self.run('compute-1', 'web')
        for host in self.ends:
            self.report(host)

    def moved(self):
        """A migration that is over; its identifier."""
        return self.wait('compute-1', self._begin())['id']

    @contextlib.contextmanager
    def moving(self, monkeypatch):
        """A migration whose transfer lasts as long as the block."""
        go = threading.Event()
        send = fake.FakeSource.transfer

        def transfer(*arguments):
            go.wait(10)
            return send(*arguments)

        monkeypatch.setattr(fake.FakeSource, 'transfer', transfer)
        found = self._begin()
        try:
            yield found
        finally:
            go.set()
        assert self.wait('compute-1', found)['phase'] == 'returned'

    def stranded(self):
        """A migration whose destination went away after the hand-over."""

        def activate(_id):
            raise exception.Unreachable('no answer')

        self.ends['compute-2'].activate = activate
        found = self._begin()
        self.wait('compute-1', found, (journal.Phase.HANDED_OVER,))
        (self.folder / 'copies/compute-2/web').unlink()
        return found

    def _begin(self):
        self.reset()
        job = self.api.migrate('compute-1', 'fake:web', 'compute-2', 'auto')
        return str(uuid.UUID(job['id']))


def as_here(line, folder):
    """A line with the places and the driver that a desk has."""
    line = line.replace('criu:', 'fake:')
    line = line.replace('/etc/ecrae/', f'{folder}/')
    if re.match('ecrae-manage certificate ', line) and '--ca' not in line:
        line += f' --ca {folder}/ca'
    return line
