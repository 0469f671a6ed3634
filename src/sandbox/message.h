/* sandbox/message.h - JSON messages between main, the holder and its jobs (base/frame.h below).
 *
 *   main -> holder   {"identity":"root",...}, then {"job":name,"request":{...}} with descriptors
 *   holder -> main   {} or {"error":{...}}: its namespaces stand, or not
 *   job -> main      {"progress":{...}}..., then {"answer":{...}} or {"error":{...}}
 *   main -> job      {"signal":n} */
#pragma once

#include "sandbox/identity.h"

#include "base/doc.h"

MUST_CHECK int message_send(int fd, const json_t *message, const int *fds, size_t fd_count,
                            struct error *err);
/* 1 with a message, 0 at the end. No descriptors are expected. */
MUST_CHECK int message_receive(int fd, json_t **ret, struct error *err);

json_t *message_of_ids(const struct identity_map *ids);
MUST_CHECK int message_parse_ids(const json_t *message, struct identity_map *ret,
                                 struct error *err);

/* {"error":{"code":n,"text":...,"where":...,"hint":...}} */
json_t *message_of_error(const struct error *error);
/* Sets err and returns its code when the message is one of those; else 0. */
MUST_CHECK int message_take_error(const json_t *message, struct error *err);
