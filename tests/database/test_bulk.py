# SPDX-License-Identifier: Apache-2.0

"""Ten thousand hosts, in and out, as an operator brings them."""

import json

import sqlalchemy as sa
import yaml

from ecrae.cmd import manage
from ecrae.kb import catalogue


COUNT = 10_000
#: A statement for every few hundred hosts is allowed, one for each is not.
STATEMENTS = 300


def test_ten_thousand_hosts_come_and_go(
    database, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv(
        'OS_ECRAE_DATABASE__CONNECTION',
        database.engine.url.render_as_string(hide_password=False),
    )
    node_types = sorted(catalogue.load().node_types)
    hosts = {
        f'compute-{n:05}': {
            'node_type': node_types[n % len(node_types)],
            'state': 'awake',
        }
        for n in range(COUNT)
    }
    path = tmp_path / 'hosts.yaml'
    path.write_text(yaml.safe_dump({'ecrae_knowledge': 1, 'hosts': hosts}))
    seen = []

    def record(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    def run(*words):
        seen.clear()
        assert manage.main(list(words)) == 0
        assert len(seen) < STATEMENTS
        return capsys.readouterr().out

    sa.event.listen(sa.Engine, 'before_cursor_execute', record)
    try:
        run('kb', 'import', '--builtin')
        imported = json.loads(run('kb', 'import', str(path), '-f', 'json'))
        assert imported[-1]['added'] == COUNT
        assert yaml.safe_load(run('kb', 'export'))['hosts'] == hosts
        path.write_text('ecrae_knowledge: 1\n')
        gone = run('kb', 'import', '--replace', str(path), '-f', 'json')
        assert json.loads(gone)[-1]['removed'] == COUNT
    finally:
        sa.event.remove(sa.Engine, 'before_cursor_execute', record)
