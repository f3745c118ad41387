"""terminal.py PROMPT shown|hidden ANSWER COMMAND...: runs a command at a pseudo-terminal and answers its prompt.

Prints all that the terminal shows, and ends as the command ends. What is typed while a program hides it must not be
typed earlier: `hidden` waits until the terminal has stopped echoing.
"""

import os
import pty
import signal
import sys
import termios
import time

prompt, echo, answer, *command = sys.argv[1:]
signal.alarm(60)
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)

shown, answered = b"", not prompt
while True:
    try:
        said = os.read(terminal, 4096)
    except OSError:  # How Linux says that the other end is closed.
        break
    if not said:
        break
    shown += said
    if not answered and prompt.encode() in shown:
        while echo == "hidden" and termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, answer.encode() + b"\n")
        answered = True
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
