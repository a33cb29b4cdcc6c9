"""A client of Trove's API that knows nothing of what answers: a keystoneauth1 session, and the catalog.

Started as `python3 keystoneauth_client.py REQUESTS`, a JSON list of objects with auth_url, username, password, scope
(the arguments of keystoneauth1's v3.Password that say it), region and path. Prints what was answered to each as JSON.
"""

import json
import sys

from keystoneauth1 import session
from keystoneauth1.identity import v3


def answer(request):
    auth = v3.Password(auth_url=request['auth_url'], username=request['username'], password=request['password'],
                       user_domain_id='default', **request['scope'])
    response = session.Session(auth=auth).get(
        request['path'], raise_exc=False,
        endpoint_filter={'service_type': 'database', 'interface': 'public', 'region_name': request['region']})
    return {'status': response.status_code, 'body': response.text,
            'challenge': response.headers.get('WWW-Authenticate')}


print(json.dumps([answer(request) for request in json.loads(sys.argv[1])]))
