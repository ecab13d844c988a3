"""Starts a program under those of the unit's restrictions that a process can put on itself: no new privileges, and no
memory that is writable and executable (kernel 6.3 or newer).  `python restricted.py PROGRAM ARGUMENT…`"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE = 65
PR_MDWE_REFUSE_EXEC_GAIN = 1

if __name__ == "__main__":
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
        print(f"not restricted: {os.strerror(ctypes.get_errno())}", flush=True)
    os.umask(0o077)
    os.execv(sys.argv[1], sys.argv[1:])
