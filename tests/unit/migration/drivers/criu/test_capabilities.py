# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.migration.drivers.criu import capabilities


_LACKS = """
if words[-1:] == ['mem_dirty_track']:
    print('Dirty tracking is OFF')
    sys.exit(1)
"""


@pytest.fixture(autouse=True)
def a_host_with_everything_else(monkeypatch):
    monkeypatch.setattr(capabilities.shutil, 'which', lambda name: name)
    monkeypatch.setattr(capabilities.network, 'pipe_obstacle', str)


def test_each_feature_is_what_criu_says_of_it(criu):
    criu.does('check', _LACKS)
    found = capabilities.features()
    assert found['mem_dirty_track'] == 'Dirty tracking is OFF'
    assert found['uffd-noncoop'] == found['basic'] == ''
    asked = [c[-1] for c in criu.calls('check')]
    assert sorted(asked[1:]) == sorted(capabilities._FEATURES)


def test_what_needs_a_lacking_feature_says_so(criu):
    criu.does('check', _LACKS)
    found = capabilities.modes(capabilities.features())
    assert found['stop-and-copy'] == found['post-copy'] == ''
    assert found['pre-copy'] == 'Dirty tracking is OFF'
    assert found['pre-copy+post-copy'] == 'Dirty tracking is OFF'


def test_a_criu_that_does_not_work_does_nothing(criu):
    criu.does('check', 'print("no vDSO"); sys.exit(1)')
    assert set(capabilities.modes(capabilities.features()).values()) == {
        'no vDSO'
    }
