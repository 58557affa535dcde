# SPDX-License-Identifier: Apache-2.0

"""The wire of the criu driver is criu's command line: here it is."""

import pytest

from ecrae import exception
from ecrae.privsep import criu_words


FOLDER = '/srv/m/6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / '6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
    path.mkdir()
    return str(path)


@pytest.fixture
def tls(tmp_path):
    paths = {}
    for name in ('cacert', 'cert', 'key'):
        path = tmp_path / name
        path.touch()
        paths[name] = str(path)
    return paths


def _words(paths):
    return [
        '--tls',
        '--tls-cacert',
        paths['cacert'],
        '--tls-cert',
        paths['cert'],
        '--tls-key',
        paths['key'],
    ]


def _common(verb, folder, images='images'):
    return [
        verb,
        '--images-dir',
        f'{folder}/{images}',
        '-o',
        f'{folder}/{verb}.log',
        '-v2',
    ]


TREE = [
    '--manage-cgroups=ignore',
    '--network-lock=nftables',
    '--tcp-established',
]


def test_dump_sends_pages_straight_to_the_destination(folder, tls):
    options = {'pid': 42, 'address': '192.0.2.2', 'port': 27100, 'tls': tls}
    assert criu_words.arguments('dump', folder, options) == [
        *_common('dump', folder),
        *TREE,
        '--tree',
        '42',
        '--leave-stopped',
        '--page-server',
        '--address',
        '192.0.2.2',
        '--port',
        '27100',
        *_words(tls),
    ]


def test_lazy_dump_serves_pages_itself(folder, tls):
    options = {
        'pid': 42,
        'address': '192.0.2.1',
        'port': 27100,
        'tls': tls,
        'lazy': True,
    }
    words = criu_words.arguments('dump', folder, options)
    assert '--lazy-pages' in words
    assert '--page-server' not in words
    assert words[-1] == '--tls-no-cn-verify'


def test_client_checks_the_name_of_the_server(folder, tls):
    options = {'address': '192.0.2.2', 'port': 27100, 'tls': tls}
    assert '--tls-no-cn-verify' not in criu_words.arguments(
        'lazy-pages', folder, options
    )
    assert '--tls-no-cn-verify' in criu_words.arguments(
        'page-server', folder, options
    )


def test_later_rounds_build_on_the_one_before(folder, tls):
    options = {
        'pid': 42,
        'images': 'images/2',
        'track': True,
        'previous': 1,
        'address': '192.0.2.2',
        'port': 27101,
        'tls': tls,
    }
    words = criu_words.arguments('pre-dump', folder, options)
    assert words[: len(_common('', folder))] == _common(
        'pre-dump', folder, 'images/2'
    )
    assert words[-3:] == ['--track-mem', '--prev-images-dir', '../1']
    server = {**options, 'track': False}
    assert criu_words.arguments('page-server', folder, server)[-3:] == [
        '--prev-images-dir',
        '../1',
        '--auto-dedup',
    ]


def test_restore_leaves_a_stopped_tree_behind(folder):
    words = criu_words.arguments('restore', folder, {'shell_job': True})
    assert words == [
        *_common('restore', folder),
        *TREE,
        '--restore-detached',
        '--shell-job',
    ]


@pytest.mark.parametrize(
    ('verb', 'options'),
    [
        ('exec', {}),
        ('dump', {'pid': '1; reboot'}),
        ('restore', {'images': '../../etc'}),
        ('restore', {'images': 'images/../../..'}),
        ('dump', {'pid': 1, 'address': 'host', 'port': 27100}),
        ('dump', {'pid': 1, 'address': '192.0.2.1', 'port': 22}),
    ],
)
def test_what_cannot_be_is_refused(folder, verb, options):
    with pytest.raises((exception.UsageError, ValueError)):
        criu_words.arguments(verb, folder, options)


@pytest.mark.parametrize(
    'path', ['/etc', 'relative', f'{FOLDER}/..', FOLDER + '\n', '/x;y']
)
def test_only_a_migrations_folder_is_worked_in(path):
    with pytest.raises(exception.UsageError, match='migration folder'):
        criu_words.arguments('restore', path, {})


def test_a_linked_folder_is_refused(folder, tmp_path):
    link = tmp_path / '7f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
    link.symlink_to(folder)
    with pytest.raises(exception.UsageError, match='migration folder'):
        criu_words.arguments('restore', str(link), {})
