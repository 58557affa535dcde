# SPDX-License-Identifier: Apache-2.0

"""A management controller for a node: OpenIPMI's simulator.

It speaks IPMI 2.0 on port 623 of an address of its own, as real ones do, and
its power button is the node's: a soft shutdown loses the node, power on boots
it. OpenIPMI's simulator knows no cipher suite after 3.
"""

import contextlib
import pathlib
import shlex
import subprocess
import threading
from collections.abc import Callable

from testnodes import nodes
from testnodes import roots


USER, PASSWORD, CIPHER_SUITE = 'operator', 'correct-horse', 3

_LAN = """
name "{name}"
set_working_mc 0x20
  startlan 1
    addr {address} 623
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{button}"
  user 1 false "" "" user 10 none
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
_MACHINE = """
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
"""
#: What the simulator runs: get|set WHAT [VALUE].
_BUTTON = """#!/bin/sh
cd {folder}
case "$1 $2 $3" in
    'get power '*) echo "power:$(cat power)" ;;
    'set shutdown 1') echo 0 > wish ;;
    'set power '?) echo "$3" > wish ;;
    *) exit 1 ;;
esac
echo "$*" >> asked
"""


class Bmc:
    """The controller of one node.

    :param lose: takes the node's power away; ``boot``: starts it.
    """

    def __init__(
        self,
        node: nodes.Node,
        *,
        lose: Callable[[], None],
        boot: Callable[[], None],
    ) -> None:
        self.node = node
        self.address = f'{nodes.MGMT}.{100 + node.number}'
        self.folder = node.site.scratch / f'bmc-{node.name}'
        self._lose = lose
        self._boot = boot
        self._is_over = threading.Event()
        self._hand = threading.Thread(target=self._obey)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> 'Bmc':
        roots.install('openipmi', program='ipmi_sim')
        (self.folder / 'state').mkdir(parents=True)
        for name in ('power', 'wish'):
            (self.folder / name).write_text('1\n')
        button = self.folder / 'button'
        button.write_text(_BUTTON.format(folder=shlex.quote(str(self.folder))))
        button.chmod(0o755)
        lan, machine = self.folder / 'lan.conf', self.folder / 'machine.emu'
        lan.write_text(
            _LAN.format(
                name=self.node.name,
                address=self.address,
                button=button,
                user=USER,
                password=PASSWORD,
            )
        )
        machine.write_text(_MACHINE)
        site = self.node.site
        site.ip(f'addr add {self.address}/24 dev br-mgmt')
        with (self.folder / 'log').open('wb') as log:
            self._process = subprocess.Popen(
                site.command(
                    *('ipmi_sim', '-n', '-c', str(lan), '-f', str(machine)),
                    *('-s', str(self.folder / 'state')),
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._hand.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._hand.join()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def is_on(self) -> bool:
        """What the controller says of the node's power."""
        return self._read('power') == '1'

    @property
    def asked(self) -> list[str]:
        """What was asked of the power button, oldest first, once each."""
        path = self.folder / 'asked'
        lines = path.read_text().splitlines() if path.exists() else []
        verbs = [line for line in lines if line.startswith('set')]
        return [v for i, v in enumerate(verbs) if v not in verbs[i - 1 : i]]

    def entry(self) -> str:
        """The section of an agent's ``bmc_file``."""
        return (
            f'[{self.node.name}]\naddress = {self.address}\nuser = {USER}\n'
            f'password = {PASSWORD}\ncipher_suite = {CIPHER_SUITE}\n'
        )

    def _read(self, name: str) -> str:
        with contextlib.suppress(OSError):
            return pathlib.Path(self.folder / name).read_text().strip()
        return ''

    def _obey(self) -> None:
        """Do what the button was last pressed for, until it is over."""
        while not self._is_over.wait(0.1):
            wish = self._read('wish')
            if wish in ('', self._read('power')):
                continue
            if wish == '0':
                self._lose()
            (self.folder / 'power').write_text(f'{wish}\n')
            if wish == '1':
                self._boot()
