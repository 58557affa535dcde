# SPDX-License-Identifier: Apache-2.0

"""A workload that tells where it ran, when it did not, and what it remembers.

usage: workload.py BEATS MIB [PORT]

Every 5 ms it appends a beat, ``time_ns host``, to the file BEATS; the longest
gap between beats is the downtime of a migration. (The monotonic clock would
not show it: CRIU lets it go on where it stopped.) It fills MIB of
memory with a pattern of its own and its SHA-256; ``SIGUSR1`` makes it write
``BEATS.sum`` with the digest it remembers and the one it computes. With PORT
it echoes lines over TCP.
"""

import hashlib
import os
import pathlib
import signal
import socket
import sys
import threading
import time


BLOCK = 1 << 20


def _fill(mib: int) -> tuple[bytearray, str]:
    memory = bytearray(mib * BLOCK)
    seed = os.urandom(BLOCK - 8)
    for index in range(mib):
        start = index * BLOCK
        memory[start : start + BLOCK] = index.to_bytes(8, 'big') + seed
    return memory, hashlib.sha256(memory).hexdigest()


def _echo(port: int) -> None:
    with socket.create_server(('', port)) as server:
        while True:
            peer, _ = server.accept()
            threading.Thread(target=_answer, args=(peer,), daemon=True).start()


def _answer(peer: socket.socket) -> None:
    with peer:
        while line := peer.recv(4096):
            peer.sendall(line)


def main() -> None:
    """Beat until killed."""
    beats, mib = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    memory, remembered = _fill(mib)
    asked = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: asked.set())
    if len(sys.argv) > 3:
        threading.Thread(
            target=_echo, args=(int(sys.argv[3]),), daemon=True
        ).start()
    while True:
        with beats.open('a') as out:
            out.write(f'{time.time_ns()} {os.uname().nodename}\n')
        if asked.is_set():
            asked.clear()
            found = hashlib.sha256(memory).hexdigest()
            draft = beats.with_suffix('.draft')
            draft.write_text(f'{remembered} {found}\n')
            draft.replace(beats.with_suffix('.sum'))
        time.sleep(0.005)


if __name__ == '__main__':
    main()
