# Sourced: unpacks Debian 12's oslo.serialization 5.0.0, with what it imports, into the temporary folder $work, for python.

apt-get download -qq -o APT::Sandbox::User=root python3-oslo.serialization=5.0.0-2 python3-oslo.utils=6.0.1-2 python3-oslo.i18n=5.1.0-3 \
  python3-msgpack=1.0.3-2+b1 python3-tz=2022.7.1-4 python3-iso8601=1.0.2-1 python3-netaddr=0.8.0-2 python3-netifaces=0.11.0-2+b1 \
  python3-debtcollector=2.5.0-2 python3-wrapt=1.14.1-2+b2 python3-pyparsing=3.0.9-1 python3-packaging=23.0-1
for package in *.deb; do dpkg-deb -x "$package" "$work"; done

python() { PYTHONPATH=$work/usr/lib/python3/dist-packages /usr/bin/python3 "$@"; }
