// SPDX-License-Identifier: Apache-2.0
/*
 * Sizes and offsets of the structs that callers of libcni fill in, as a C compiler lays them out:
 * "struct size member offset member offset ...".
 */
#include <cni/runtime.h>
#include <stdio.h>

#define S(type) printf("\n" #type " %zu", sizeof(struct type))
#define M(type, member) printf(" " #member " %zu", offsetof(struct type, member))

int main(void)
{
	S(cni_error);
	M(cni_error, code), M(cni_error, num), M(cni_error, text), M(cni_error, details);
	S(cni_interface);
	M(cni_interface, name), M(cni_interface, mac), M(cni_interface, sandbox), M(cni_interface, socket_path);
	M(cni_interface, pci_id), M(cni_interface, mtu);
	S(cni_ip);
	M(cni_ip, address), M(cni_ip, gateway), M(cni_ip, interface);
	S(cni_route);
	M(cni_route, dst), M(cni_route, gw), M(cni_route, mtu), M(cni_route, advmss), M(cni_route, priority);
	M(cni_route, table), M(cni_route, scope);
	S(cni_exec);
	M(cni_exec, path), M(cni_exec, env), M(cni_exec, input), M(cni_exec, input_len), M(cni_exec, deadline_ms);
	S(cni_exec_end);
	M(cni_exec_end, status), M(cni_exec_end, out), M(cni_exec_end, err), M(cni_exec_end, out_len);
	M(cni_exec_end, err_len), M(cni_exec_end, timed_out);
	S(cni_runtime_opts);
	M(cni_runtime_opts, plugin_dirs), M(cni_runtime_opts, cache_dir), M(cni_runtime_opts, flags);
	M(cni_runtime_opts, timeout_ms), M(cni_runtime_opts, grace_ms), M(cni_runtime_opts, lock_timeout_ms);
	M(cni_runtime_opts, exec), M(cni_runtime_opts, on_stderr), M(cni_runtime_opts, on_warn),
		M(cni_runtime_opts, arg);
	S(cni_arg);
	M(cni_arg, key), M(cni_arg, value);
	S(cni_attachment);
	M(cni_attachment, container_id), M(cni_attachment, netns), M(cni_attachment, ifname), M(cni_attachment, args);
	M(cni_attachment, n_args), M(cni_attachment, capability_args);
	S(cni_cached);
	M(cni_cached, network), M(cni_cached, container_id), M(cni_cached, ifname), M(cni_cached, netns);
	M(cni_cached, config), M(cni_cached, config_len), M(cni_cached, args), M(cni_cached, n_args);
	M(cni_cached, capability_args), M(cni_cached, result), M(cni_cached, path);
	putchar('\n');
	return 0;
}
