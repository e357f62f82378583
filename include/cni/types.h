// SPDX-License-Identifier: Apache-2.0
/*
 * libcni: types that runtimes and plugin authors share.
 *
 * Every struct that crosses the border begins with `size`, set by its _INIT macro to the size the caller was compiled
 * with: later versions of the library append members, treat missing ones as zero, and write no further than the caller
 * has room. A struct whose size is 0 is refused: num EINVAL, or just false where there is no error to fill; an error of
 * size 0 is not filled. Text is UTF-8 and NUL-terminated; in failures and warnings a byte that is not becomes U+FFFD.
 *
 * The library keeps no global state, prints nothing and never exits; when memory is exhausted it aborts. A handle may
 * be used by one thread at a time, different handles by different threads at once.
 */
#ifndef CNI_TYPES_H
#define CNI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/* What the _INIT macros stand for: all zero but the size. */
template <class T> inline T cni_sized()
{
	T t = T();
	t.size = sizeof(T);
	return t;
}
#define CNI_SIZED(type) cni_sized<type>()
extern "C" {
#else
#define CNI_SIZED(type) \
	{ \
		.size = sizeof(struct type) \
	}
#endif

#if defined(__GNUC__)
#define CNI_API __attribute__((visibility("default")))
#else
#define CNI_API
#endif

/* Error codes of the specification; plugins use 100 and up for their own, and 999 for "no code given". */
enum {
	CNI_ERR_NONE = 0, /* the library or the system failed, not the protocol: see num */
	CNI_ERR_INCOMPATIBLE_VERSION = 1,
	CNI_ERR_UNSUPPORTED_FIELD = 2,
	CNI_ERR_UNKNOWN_CONTAINER = 3,
	CNI_ERR_INVALID_ENVIRONMENT = 4,
	CNI_ERR_IO_FAILURE = 5,
	CNI_ERR_DECODING_FAILURE = 6,
	CNI_ERR_INVALID_CONFIG = 7,
	CNI_ERR_INVALID_NETNS = 8,
	CNI_ERR_TRY_AGAIN_LATER = 11,
	CNI_ERR_NOT_AVAILABLE = 50,
	CNI_ERR_LIMITED_CONNECTIVITY = 51,
	CNI_ERR_INTERNAL = 999
};

/*
 * Why a call failed. Lives in the caller's storage, filled only when a function returns false. May be passed as NULL.
 */
struct cni_error {
	size_t size;
	int code;          /* CNI_ERR_* or a plugin's own code */
	int num;           /* errno to blame, 0 if none */
	char text[1024];   /* one sentence, outermost context first: "plugin bridge (ADD, network pods): ..." */
	char details[512]; /* the plugin's "details", "" if none */
};
#define CNI_ERROR_INIT CNI_SIZED(cni_error)

struct cni_result; /* what an ADD made; read through the functions below */

struct cni_interface {
	size_t size;
	const char *name, *mac, *sandbox, *socket_path, *pci_id; /* "" when absent; sandbox "": on the host */
	uint32_t mtu;                                            /* bytes; 0: unknown */
};
#define CNI_INTERFACE_INIT CNI_SIZED(cni_interface)
struct cni_ip {
	size_t size;
	const char *address; /* CIDR text */
	const char *gateway; /* "" when absent */
	int interface;       /* index into the interfaces, -1 when absent */
};
#define CNI_IP_INIT CNI_SIZED(cni_ip)
struct cni_route {
	size_t size;
	const char *dst, *gw; /* gw "" when absent */
	uint32_t mtu, advmss, priority, table;
	int scope; /* -1 when absent */
};
#define CNI_ROUTE_INIT CNI_SIZED(cni_route)

/* The result as JSON in the version it has, 4-space indented, without a final newline. Belongs to the result. */
CNI_API const char *cni_result_json(const struct cni_result *r);
/*
 * The same in another version of the specification ("0.1.0" ... "1.1.0"); free() it. NULL with @e set if it cannot be
 * converted.
 */
CNI_API char *cni_result_json_as(const struct cni_result *r, const char *version, struct cni_error *e);
CNI_API const char *cni_result_version(const struct cni_result *r);
CNI_API size_t cni_result_interfaces(const struct cni_result *r);
CNI_API size_t cni_result_ips(const struct cni_result *r);
CNI_API size_t cni_result_routes(const struct cni_result *r);
/* The @i-th entry; false beyond the end. Strings belong to the result. ret->size must be set. */
CNI_API bool cni_result_interface(const struct cni_result *r, size_t i, struct cni_interface *ret);
CNI_API bool cni_result_ip(const struct cni_result *r, size_t i, struct cni_ip *ret);
CNI_API bool cni_result_route(const struct cni_result *r, size_t i, struct cni_route *ret);
/* Parse a result; @fallback_version is assumed when it names none. */
CNI_API bool cni_result_parse(const char *json, size_t len, const char *fallback_version, struct cni_result **ret,
			      struct cni_error *e);
CNI_API void cni_result_free(struct cni_result *r); /* NULL is fine */

/* Version of the library, "0.1.0"; newest version of the specification it speaks. */
CNI_API const char *cni_library_version(void);
CNI_API const char *cni_spec_version(void);

#ifdef __cplusplus
}
#endif
#endif
