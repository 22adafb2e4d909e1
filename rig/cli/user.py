"""Who sits at this computer."""

from __future__ import annotations

import os
import pwd


def this_user() -> str:
    """Return the name of this computer's user, as its user table has it: no variable of the environment counts."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
