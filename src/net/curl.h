/* net/curl.h - the few calls of libcurl 7 and 8 that we use, loaded at run time: linked it would
 * cost every start 2.6 ms. Numbers and layouts are libcurl's stable ABI (libcurl.so.4). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum curl_option {
    CURL_NOBODY = 44,
    CURL_UPLOAD = 46,
    CURL_POST = 47,
    CURL_SSL_VERIFYHOST = 81,
    CURL_BUFFERSIZE = 98,
    CURL_UPLOAD_BUFFERSIZE = 280,
    CURL_READDATA = 10009,
    CURL_POSTFIELDS = 10015,
    CURL_CUSTOMREQUEST = 10036,
    CURL_SEEKDATA = 10168,
    CURL_READFUNCTION = 20012,
    CURL_SOCKOPTFUNCTION = 20148,
    CURL_SEEKFUNCTION = 20167,
    CURL_INFILESIZE_LARGE = 30115,
    CURL_POSTFIELDSIZE_LARGE = 30120,
    CURL_SSLCERT_BLOB = 40291,
    CURL_SSLKEY_BLOB = 40292,
    CURL_CAINFO_BLOB = 40309,
    CURL_WRITEDATA = 10001,
    CURL_URL = 10002,
    CURL_PROXY = 10004,
    CURL_ERRORBUFFER = 10010,
    CURL_HTTPHEADER = 10023,
    CURL_HEADERDATA = 10029,
    CURL_WRITEFUNCTION = 20011,
    CURL_HEADERFUNCTION = 20079,
    CURL_USERAGENT = 10018,
    CURL_LOW_SPEED_LIMIT = 19,
    CURL_LOW_SPEED_TIME = 20,
    CURL_NOPROGRESS = 43,
    CURL_FAILONERROR = 45,
    CURL_NETRC = 51,
    CURL_FOLLOWLOCATION = 52,
    CURL_SSL_VERIFYPEER = 64,
    CURL_CAINFO = 10065,
    CURL_MAXREDIRS = 68,
    CURL_CONNECTTIMEOUT = 78,
    CURL_NOSIGNAL = 99,
    CURL_FILETIME = 69,
    CURL_PRIVATE = 10103,
    CURL_PROTOCOLS = 181, /* a bit set, kept by 8.x beside the newer option of texts */
    CURL_REDIR_PROTOCOLS = 182,
    CURL_MAXFILESIZE_LARGE = 30117,
    CURL_INFO_PRIVATE = 0x100000 + 21,
    CURL_INFO_RESPONSE_CODE = 0x200000 + 2,
    CURL_INFO_FILETIME = 0x600000 + 14, /* as curl_off_t */
};
enum { CURL_PROTO_HTTP = 1, CURL_PROTO_HTTPS = 2, CURL_PROTO_FILE = 1 << 10 };
enum { CURL_NETRC_IGNORED = 0 };
enum curl_multi_option {
    CURL_MULTI_MAX_HOST_CONNECTIONS = 7,
    CURL_MULTI_MAX_TOTAL_CONNECTIONS = 13
};
enum { CURL_READ_ABORT = 0x10000000, CURL_SEEK_OK = 0, CURL_SEEK_FAIL = 1, CURL_BLOB_COPY = 1 };
enum { CURL_ERROR_SIZE = 256, CURL_MSG_DONE = 1, CURL_GLOBAL_DEFAULT = 3 };
enum curl_code {
    CURL_OK = 0,
    CURL_E_UNSUPPORTED_PROTOCOL = 1,
    CURL_E_URL_MALFORMAT = 3,
    CURL_E_COULDNT_RESOLVE_HOST = 6,
    CURL_E_REMOTE_ACCESS_DENIED = 9,
    CURL_E_HTTP_RETURNED_ERROR = 22,
    CURL_E_WRITE_ERROR = 23,
    CURL_E_FILE_COULDNT_READ = 37,
    CURL_E_SSL_CONNECT_ERROR = 35,
    CURL_E_TOO_MANY_REDIRECTS = 47,
    CURL_E_SSL_CERTPROBLEM = 58,
    CURL_E_PEER_FAILED_VERIFICATION = 60,
    CURL_E_FILESIZE_EXCEEDED = 63,
    CURL_E_SSL_CACERT_BADFILE = 77,
    CURL_E_REMOTE_FILE_NOT_FOUND = 78,
    CURL_E_SSL_ISSUER = 83,
};

struct curl_blob {
    void *data;
    size_t size;
    unsigned flags;
};
struct curl_waitfd {
    int fd;
    short events, revents; /* as poll() has them: POLLIN is 1 in both */
};

struct curl_message {
    int msg; /* CURL_MSG_DONE */
    void *easy;
    union {
        void *whatever;
        int result; /* enum curl_code */
    } data;
};

struct curl {
    int (*global_init)(long flags);
    void *(*easy_init)(void);
    int (*easy_setopt)(void *easy, int option, ...);
    int (*easy_getinfo)(void *easy, int info, ...);
    void (*easy_cleanup)(void *easy);
    const char *(*easy_strerror)(int code);
    void *(*multi_init)(void);
    int (*multi_setopt)(void *multi, int option, ...);
    int (*multi_add_handle)(void *multi, void *easy);
    int (*multi_remove_handle)(void *multi, void *easy);
    int (*multi_perform)(void *multi, int *running);
    int (*multi_poll)(void *multi, void *extra, unsigned extra_count, int timeout_ms, int *ready);
    struct curl_message *(*multi_info_read)(void *multi, int *left);
    int (*multi_cleanup)(void *multi);
    void *(*slist_append)(void *list, const char *text);
    void (*slist_free_all)(void *list);
};

/* Loads the library: -ENOTSUP with the package's name as hint when it is not there. */
MUST_CHECK int curl_load(struct curl *ret, struct error *err);
