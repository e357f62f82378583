#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A plugin of the days of 0.1.0: it knows neither VERSION nor a cniVersion in its result, and insists on the variables of ADD for every command.
for name in CNI_COMMAND CNI_NETNS CNI_IFNAME CNI_PATH; do
	eval "value=\${$name-}"
	if [ -z "$value" ]; then
		printf '{"code": 100, "msg": "required env variable %s missing"}' "$name"
		exit 1
	fi
done
cat > "$0.$CNI_COMMAND.stdin"
case $CNI_COMMAND in
ADD) printf '{"ip4": {"ip": "10.1.0.7/16", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]}, "dns": {}}' ;;
DEL) ;;
*)
	printf '{"code": 100, "msg": "unknown CNI_COMMAND: %s"}' "$CNI_COMMAND"
	exit 1
	;;
esac
