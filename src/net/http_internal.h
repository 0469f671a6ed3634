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
    int fd; /* -1: none */
};
void http_frame_done(struct http_frame *f);
/* file: -1 for none; it is passed along. */
MUST_CHECK int http_frame_send(int fd, json_t *take_doc, struct view body, int file,
                               struct error *err);
/* 1: a frame; 0: the end of the stream. limit: bytes of its body. */
MUST_CHECK int http_frame_take(int fd, size_t limit, struct http_frame *ret, struct error *err);
