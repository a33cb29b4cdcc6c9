"""Trove's API server as trove-api runs it, with one worker and an SQLite database.

Keystone, Nova and Neutron are stubs that take no time: there is no authtoken filter (the caller sends the headers that
the filter would add), and an rpc_ping's calls to Nova and Neutron, HTTP in a real deployment, are answered in place.
Where FILE has a section [keystone_authtoken], there is an authtoken filter, as in a real deployment.

Usage: `python3 trove_api.py --config-file FILE INSTANCES`, where FILE is a trove.conf and INSTANCES a JSON object of
instance ids and RPC keys (null: in the clear). This script writes the file that FILE's `api_paste_config` names, and
prints "ready" shortly before the server listens on FILE's `bind_port`.
"""

import json
import sys
import traceback
import types
from importlib.metadata import version
from unittest import mock

sys.excepthook = lambda *error: traceback.print_exception(*error, file=sys.stdout)  # nobody reads stderr
INSTANCES = json.loads(sys.argv.pop())

PASTE = """
[composite:trove]
use = call:trove.common.wsgi:versioned_urlmap
/v1.0: troveapi
[pipeline:troveapi]
pipeline = cors %shttp_proxy_to_wsgi faultwrapper %sauthorization contextwrapper ratelimit extensions troveapp
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[filter:request_id]
paste.filter_factory = oslo_middleware.request_id:RequestId.factory
[filter:extensions]
paste.filter_factory = trove.common.extensions:factory
[filter:authorization]
paste.filter_factory = trove.common.auth:AuthorizationMiddleware.factory
[filter:cors]
paste.filter_factory = oslo_middleware.cors:filter_factory
oslo_config_project = trove
[filter:contextwrapper]
paste.filter_factory = trove.common.wsgi:ContextMiddleware.factory
[filter:faultwrapper]
paste.filter_factory = trove.common.wsgi:FaultWrapper.factory
[filter:ratelimit]
paste.filter_factory = trove.common.limits:RateLimitingMiddleware.factory
[app:troveapp]
paste.app_factory = trove.common.api:app_factory
[filter:http_proxy_to_wsgi]
use = egg:oslo.middleware#http_proxy_to_wsgi
"""


def stub_other_services():
    """Makes the module that `remote_nova_client` and `remote_neutron_client` name: a server for each instance, on three
    hosts in turn, without ports."""
    servers = {
        instance_id: types.SimpleNamespace(
            id=instance_id, name=instance_id, status='ACTIVE', tenant_id='trove', addresses={},
            host='compute-%d' % (index % 3 + 1))
        for index, instance_id in enumerate(INSTANCES)}
    from novaclient.api_versions import APIVersion
    nova = types.SimpleNamespace(
        api_version=APIVersion('2.26'),  # Trove 26 looks at it before it lists
        servers=types.SimpleNamespace(get=servers.__getitem__, list=lambda **query: list(servers.values())),
        flavors=types.SimpleNamespace(get=lambda flavor_id: types.SimpleNamespace(id=flavor_id, ram=512)))
    neutron = types.SimpleNamespace(list_ports=lambda **query: {'ports': []})
    stubs = types.ModuleType('stubs')
    stubs.nova = lambda *args, **kwargs: nova
    stubs.neutron = lambda *args, **kwargs: neutron
    sys.modules['stubs'] = stubs


def has_keystone(conf):
    with open(conf.config_file[0]) as file:
        return '[keystone_authtoken]' in file.read()


def prepare(conf):
    with open(conf.api_paste_config, 'w') as paste:
        has_request_id = int(version('trove').split('.')[0]) >= 25
        paste.write(PASTE % ('request_id ' if has_request_id else '', 'authtoken ' if has_keystone(conf) else ''))
    from trove.db import get_db_api
    get_db_api().db_sync(conf)


def create_instances(conf):
    from trove.common import crypto_utils
    from trove.datastore import models as datastore_models
    from trove.instance import models
    from trove.instance.service_status import ServiceStatuses
    from trove.instance.tasks import InstanceTasks
    datastore = datastore_models.DBDatastore.create(id='mysql', name='mysql', default_version_id=None)
    since_20 = {name: '' for name in ('registry_ext', 'repl_strategy')
                if name in datastore_models.DBDatastoreVersion._data_fields}
    version = datastore_models.DBDatastoreVersion.create(
        id='8.0', datastore_id=datastore.id, name='8.0', image_id=None, image_tags=None, packages='',
        manager='mysql', active=1, version='8.0', **since_20)
    for instance_id, key in INSTANCES.items():
        instance = models.DBInstance.create(
            id=instance_id, name=instance_id, tenant_id='tenant', compute_instance_id=instance_id, access={}, volume_size=1,
            task_status=InstanceTasks.NONE, datastore_version_id=version.id)
        instance.encrypted_key = key and crypto_utils.encode_data(
            crypto_utils.encrypt_data(key, conf.inst_rpc_key_encr_key))
        instance.save()
        models.InstanceServiceStatus.create(instance_id=instance_id, status=ServiceStatuses.HEALTHY)


def main():
    stub_other_services()
    from trove.cmd import common
    conf = common.initialize(pre_logging=prepare)
    create_instances(conf)
    print('ready', flush=True)
    from trove.cmd import api
    with mock.patch('trove.cmd.common.initialize', lambda **kwargs: conf):
        api.main()


main()
