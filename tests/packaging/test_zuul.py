# SPDX-License-Identifier: Apache-2.0

"""``.zuul.yaml`` by Zuul's own reader and schemas."""

import shutil
import sys

import pytest

from tests.packaging.conftest import TOP
from tests.packaging.conftest import must
from tests.packaging.conftest import run


CHECK = """
import sys
import types
from zuul import configloader
from zuul import model
path = sys.argv[1]
context = model.SourceContext('ecrae', 'ecrae', 'local', 'main', path)
parser = types.SimpleNamespace(connections=None)
schemas = {
    'job': configloader.JobParser.schema,
    'project': configloader.ProjectParser(parser).schema,
}
for item in configloader.safe_load_yaml(open(path).read(), context):
    ((kind, content),) = item.items()
    schemas[kind](content)
    print(kind)
"""


@pytest.fixture(scope='module')
def python(tmp_path_factory):
    """A Python that has Zuul."""
    folder = tmp_path_factory.mktemp('zuul') / 'venv'
    uv = shutil.which('uv')
    assert uv, 'uv is needed to make environments'
    must(uv, 'venv', '-q', '-p', sys.executable, folder)
    found = folder / 'bin/python'
    must(uv, 'pip', 'install', '-q', '--python', found, 'zuul>=14')
    return found


def test_zuul_takes_the_jobs(python):
    said = must(python, '-c', CHECK, TOP / '.zuul.yaml')
    assert said.split() == ['job', 'job', 'project']


def test_zuul_would_refuse_what_it_does_not_know(python, tmp_path):
    path = tmp_path / 'zuul.yaml'
    text = (TOP / '.zuul.yaml').read_text()
    path.write_text(text.replace('timeout:', 'time-out:'))

    done = run(python, '-c', CHECK, path)

    assert done.returncode == 1
    assert "data['time-out']" in done.stderr
