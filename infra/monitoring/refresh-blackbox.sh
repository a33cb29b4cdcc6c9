#!/bin/sh
# refresh-blackbox: writes the module with a new token, and lets the exporter read it.
set -eu
umask 077
token=$(openstack token issue -f value -c id)
cat > /etc/prometheus/blackbox.yml.new <<END
modules:
  trove_guest:
    prober: http
    timeout: 20s
    http:
      valid_status_codes: [204]
      follow_redirects: false
      headers: { X-Auth-Token: "$token", Prefer: wait=10 }
END
mv /etc/prometheus/blackbox.yml.new /etc/prometheus/blackbox.yml
curl -sS -X POST http://127.0.0.1:9115/-/reload
