# SPDX-License-Identifier: Apache-2.0

"""What bash offers after ``source <(ecrae complete)``."""

import subprocess

import pytest

from ecrae.cmd import manage
from ecrae.cmd import shell


#: What the package bash-completion has, as far as the script needs it.
WORDS = """
_get_comp_words_by_ref() {
    words=("${COMP_WORDS[@]}"); cur=${COMP_WORDS[COMP_CWORD]}
}
"""


@pytest.fixture
def offered(capsys, tmp_path):
    """What is offered for the last of the words typed."""

    def _offered(main, *words):
        (tmp_path / 'empty.conf').touch()
        config = ['--config-file', str(tmp_path / 'empty.conf')]
        assert main([*config, 'complete']) == 0
        script = tmp_path / 'complete.bash'
        script.write_text(WORDS + capsys.readouterr().out)
        typed = ' '.join(f"'{word}'" for word in words)
        function = '_' + words[0].replace('-', '_')
        lines = f"""
            source {script}
            COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}
            {function}; echo "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ['bash', '-c', lines], capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    return _offered


def test_first_words_of_commands(offered):
    assert offered(shell.main, 'ecrae', 'mig') == ['migrate', 'migration']
    first = {words.split()[0] for words in shell.COMMANDS}
    assert first < set(offered(shell.main, 'ecrae', ''))


def test_second_words_and_options(offered):
    assert offered(shell.main, 'ecrae', 'agent', '') == ['list', 'show']
    assert '--dry-run' in offered(shell.main, 'ecrae', 'deploy', '--')


def test_the_managing_command(offered):
    assert offered(manage.main, 'ecrae-manage', 'db', '') == [
        'sync',
        'version',
    ]
