"""Real Trove guest agents, any number in one process.

Each guest is Trove's own RPC server with the real Manager.rpc_ping, as trove-guestagent runs it, but without a
database. Usage: `python3 trove_guests.py --config-file FILE`, where FILE is a trove-guestagent.conf. The process
reads one JSON command a line from standard input, prints each command when it is done, and ends when its input ends.

    {"start": ID, "key": KEY or null, "delay": SECONDS, "raise": null or a key of FAILURES, "answer": ANYTHING}
    {"stop": ID}
"""

import json
import sys

from trove import cmd  # noqa: F401 - monkey-patches for eventlet, so it is imported first

import docker
from eventlet import sleep
from eventlet import tpool
from oslo_log import log as logging
import oslo_messaging as messaging

from trove import rpc
from trove.common import cfg
from trove.guestagent import api as guest_api
from trove.guestagent.datastore.manager import Manager

LOG = logging.getLogger('trove.guestagent.guest')

FAILURES = {
    'builtin': lambda: ValueError('boom builtin'),
    'wordless': lambda: NotImplementedError(),
    'not a number': lambda: ValueError('boom nan', float('nan')),
    'foreign': lambda: docker.errors.DockerException('boom docker'),
}


class Guest(Manager):
    """A guest's manager that may wait, raise an exception, or answer something other than true."""

    def __init__(self, behaviour):
        super().__init__('mysql')
        self._delay = behaviour.get('delay', 0)
        self._failure = behaviour.get('raise')
        self._answer = behaviour.get('answer', True)

    def rpc_ping(self, context):
        LOG.debug('Pinged for project %s, request %s', context.project_id, context.request_id)
        sleep(self._delay)
        if self._failure:
            raise FAILURES[self._failure]()
        return super().rpc_ping(context) and self._answer


def start(guest_id, command):
    target = messaging.Target(topic='guestagent.%s' % guest_id, server=guest_id,
                              version=guest_api.API.API_LATEST_VERSION)
    server = rpc.get_server(target, [Guest(command)], key=command.get('key'))
    server.start()
    return server


def main():
    logging.register_options(cfg.CONF)
    cfg.parse_args(sys.argv)
    logging.setup(cfg.CONF, None)
    rpc.init(cfg.CONF)
    servers = {}
    while line := tpool.execute(sys.stdin.readline):
        command = json.loads(line)
        if 'start' in command:
            servers[command['start']] = start(command['start'], command)
        else:
            server = servers.pop(command['stop'])
            server.stop()
            server.wait()
        print(line.strip(), flush=True)


main()
