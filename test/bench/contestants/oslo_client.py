"""A script on oslo.messaging's client, as a deployer would write it: `python3 oslo_client.py BROKER_URL [COMMAND]`.

The first JSON command is the argument, each further one a line on standard input; each answer is a line on file
descriptor 3. See `Contestant` in contestant.ts. A command's `inFlight` is the number of threads. With `KEY` in the
environment, requests are encrypted by Trove's own serializer.
"""

import itertools
import json
import os
import resource
import sys
import time
import traceback

START = time.perf_counter()

from concurrent.futures import ThreadPoolExecutor  # noqa: E402 - the time to load it is measured

from oslo_config import cfg  # noqa: E402
import oslo_messaging as messaging  # noqa: E402

URL = sys.argv[1].replace('amqp://', 'rabbit://')
CONTEXT = {'user': None, 'project_id': 'tenant', 'is_admin': True, 'read_only': True, 'auth_token': None,
           'request_id': 'req-00000000-0000-4000-8000-000000000000', 'roles': ['admin'], 'limit': None,
           'marker': None, 'service_catalog': None}


def make_client():
    key = os.environ.get('KEY')
    if key is not None:  # imported before the command line is parsed: these modules add options
        from trove.common import context
        from trove.common.rpc import secure_serializer
        from trove.common.rpc import serializer
    cfg.CONF([])
    messaging.set_transport_defaults('trove')
    transport = messaging.get_rpc_transport(cfg.CONF, url=URL)
    target = messaging.Target(version='1.0')
    if key is None:
        return messaging.get_rpc_client(transport, target), CONTEXT
    secure = secure_serializer.SecureSerializer(serializer.TroveRequestContextSerializer(None), key)
    return messaging.get_rpc_client(transport, target, serializer=secure), context.TroveContext.from_dict(CONTEXT)


def obey(client, context, command):
    durations = []

    def ping(guest_id):
        begin = time.perf_counter()
        result = client.prepare(topic='guestagent.' + guest_id, timeout=15).call(context, 'rpc_ping')
        durations.append((time.perf_counter() - begin) * 1000)
        return result

    begin = time.perf_counter()
    guests = command['ids'] * command['times']
    if command['inFlight'] == 1:
        results = [ping(guest_id) for guest_id in guests]
    else:
        with ThreadPoolExecutor(command['inFlight']) as pool:
            results = list(pool.map(ping, guests))
    return {
        'durationsMs': durations,
        'elapsedMs': (time.perf_counter() - begin) * 1000,
        'response': {'statusCode': 204 if all(result is True for result in results) else 400},
        'maxRssBytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main():
    client, context = make_client()
    load_ms = (time.perf_counter() - START) * 1000
    answers = os.fdopen(3, 'w')
    for command in itertools.chain(sys.argv[2:], sys.stdin):
        answer = {'loadMs': load_ms, **obey(client, context, json.loads(command))}
        print(json.dumps(answer), file=answers, flush=True)


try:
    main()
except Exception:
    traceback.print_exc()
    os._exit(1)  # oslo.messaging's threads would keep the process alive
