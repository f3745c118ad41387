"""Runs the shell blocks of a page as a person does: in one shell, one after the other. It types what they ask for at a terminal."""

import os
import pty
import re
import signal
import subprocess
import tempfile
import textwrap
import threading
import time
from pathlib import Path

# The comment before a block that only this runs.
MARK = "<!-- not run: make test-stack runs it -->"
PATIENCE = 600


def blocks(page, mark=MARK):
    """The shell blocks of a page after this comment, each with the heading above it."""
    heading, marked, block, found = "", False, None, []
    for line in Path(page).read_text().splitlines():
        # A block in a list is indented.
        bare = line.strip()
        if block is not None:
            if bare == "```":
                found.append((heading, textwrap.dedent("\n".join(block))))
                block = None
            else:
                block.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        elif marked and bare == "```sh":
            block = []
        marked = bare == mark
    return found


class Shell:
    """A shell that keeps its variables and functions from one block to the next. It ends at the first command that fails."""

    def __init__(self, folder, environment):
        self.folder = Path(folder)
        self.commands = self.folder / "commands"
        os.mkfifo(self.commands)
        self.terminal, own = pty.openpty()
        # A pipe, and not a file: a program that opens /dev/stdout would empty a file.
        self.said = b""
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", str(self.commands)],
            stdin=own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
        )
        os.close(own)
        # What the terminal echoes must be read, or the shell waits.
        threading.Thread(target=self._drain, daemon=True).start()
        threading.Thread(target=self._read, daemon=True).start()
        self.pipe = self.commands.open("w")
        self.count = 0
        self.run("set -eo pipefail")

    def _drain(self):
        try:
            while os.read(self.terminal, 4096):
                pass
        except OSError:
            return

    def _read(self):
        while some := os.read(self.process.stdout.fileno(), 65536):
            self.said += some

    def run(self, block, typed=""):
        """Runs a block, and returns what it prints. `typed`: what a person types meanwhile."""
        before = len(self.said)
        self.count += 1
        # No program prints this.
        done = f"\x1e{self.count}\x1e"
        self.pipe.write(f"{block}\nprintf '{done}'\n")
        self.pipe.flush()
        for line in typed.splitlines(keepends=True):
            # The pause lets the next program begin to read before the line is typed.
            time.sleep(0.3)
            os.write(self.terminal, line.encode())
        ends = time.monotonic() + PATIENCE
        while done not in self.text(before):
            if self.process.poll() is not None or time.monotonic() > ends:
                # What it said last may still be on its way.
                time.sleep(0.2)
                raise AssertionError(f"the block fails:\n{block}\n\n{self.text(before)[-3000:]}")
            time.sleep(0.05)
        return self.text(before).replace(done, "")

    def text(self, start):
        return self.said[start:].decode(errors="replace")

    def value(self, name):
        """The value of a variable."""
        return self.run(f"printf '%s' \"${name}\"")

    def stop(self):
        """Ends the shell, and what it still runs."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def with_arns(block, printed):
    """The block, with the ARNs that were printed in place of `AgoraSecretArn=arn:…` and `ZegoSecretArn=arn:…`."""
    for vendor in ["Agora", "Zego"]:
        arn = re.search(rf"arn:aws:secretsmanager:\S*tokenmint/{vendor.lower()}-\w+", printed)[0]
        block = block.replace(f"{vendor}SecretArn=arn:…", f"{vendor}SecretArn={arn}")
    assert "arn:…" not in block, block
    return block


def scratch():
    """A folder that is gone when we end."""
    return tempfile.TemporaryDirectory(prefix="tokenmint-stack-")
