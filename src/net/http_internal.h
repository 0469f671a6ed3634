/* net/http_internal.h - frames between main and "@net http". */
#pragma once

#include "base/doc.h"
#include "net/http.h"

#define HTTP_INLINE_MAX 8192      /* bytes of a body within its frame */
#define HTTP_BODY_MAX (16u << 20) /* of any body in memory */
#define HTTP_TELL_MS 100          /* between two words about progress */

struct http_frame {
    json_t *doc;
    struct str body;
    int fd, last_fd; /* -1: none; last_fd: also told_fd, of a download */
};
#define HTTP_FRAME_INIT                                                                            \
    {                                                                                              \
        .body = STR_INIT, .fd = -1, .last_fd = -1                                                  \
    }
void http_frame_done(struct http_frame *f);
/* file, last: -1 for none; they are passed along. */
MUST_CHECK int http_frame_send(int fd, json_t *take_doc, struct view body, int file, int last,
                               struct error *err);
/* 1: a frame; 0: the end of the stream. limit: bytes of its body. */
MUST_CHECK int http_frame_take(int fd, size_t limit, struct http_frame *ret, struct error *err);
