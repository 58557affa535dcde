# SPDX-License-Identifier: Apache-2.0

"""Every service with a value that an option may not have."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize('program', ['agent', 'collector', 'rebalancer'])
@pytest.mark.parametrize(
    ('name', 'sentence'),
    [
        ('ecrae.conf', '[ecrae_rebalancer] interval: '),
        ('nowhere.conf', 'No file '),
    ],
)
def test_a_service_ends_with_a_sentence(tmp_path, program, name, sentence):
    (tmp_path / 'ecrae.conf').write_text('[ecrae_rebalancer]\ninterval = x\n')
    done = subprocess.run(
        [
            *(sys.executable, '-m', f'ecrae.cmd.{program}'),
            *('--config-file', str(tmp_path / name)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, '')
    assert str(tmp_path / name) in done.stderr
    assert sentence in done.stderr
    assert 'Traceback' not in done.stderr
