"""The configuration of the supervisor (PyPI's ``supervisor``). Pure."""

import shlex
from collections.abc import Sequence

from tidemark.local.layout import Layout
from tidemark.local.part import Part
from tidemark.settings import Settings

# A part that dies sooner is started again after a growing pause (1 s, 2 s, ...), else at once.
_START_SECONDS = 3
_NEVER_GIVE_UP = 1_000_000


def configuration(parts: Sequence[Part], layout: Layout, settings: Settings) -> str:
    """``supervisord.conf``: every part, and how to reach the supervisor.

    The settings stand in it as a comment, so that a change of any of them is a change of this text. No part
    starts by itself: ``tidemark up`` says when.
    """
    head = f"""\
; made by `tidemark up`
; {settings.model_dump_json()}
[supervisord]
logfile={_value(layout.supervisor_log)}
logfile_maxbytes=2MB
logfile_backups=2
pidfile={_value(layout.pid_file)}
directory={_value(layout.home)}
childlogdir={_value(layout.logs)}
identifier=tidemark

[unix_http_server]
file={_value(layout.socket)}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_program(part, layout) for part in parts)


def _program(part: Part, layout: Layout) -> str:
    environment = ",".join(f'{name}="{value}"' for name, value in part.environment.items())
    return f"""
[program:{part.name}]
command={_value(shlex.join(part.command))}
directory={_value(part.directory)}
environment={_value(environment)}
autostart=false
autorestart=true
startsecs={_START_SECONDS}
startretries={_NEVER_GIVE_UP}
stopsignal=TERM
stopwaitsecs={part.stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={_value(layout.log(part.name))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _value(value: object) -> str:
    return str(value).replace("%", "%%")
