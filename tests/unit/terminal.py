# SPDX-License-Identifier: Apache-2.0

"""Commands as a person types them."""

import io
import shlex


def typist(main, config, monkeypatch, capsys):
    """Runs a command line; its exit code, output and errors."""

    def run(line, stdin=None):
        if stdin is not None:
            monkeypatch.setattr('sys.stdin', io.StringIO(stdin))
        try:
            code = main(['--config-file', str(config), *shlex.split(line)])
        except SystemExit as exit_:
            code = exit_.code
        output = capsys.readouterr()
        return code, output.out, output.err

    return run
