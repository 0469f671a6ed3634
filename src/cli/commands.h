/* cli/commands.h - every command, in the order of `cooper help`. A new one is a file cmd_<name>.c
 * that defines `const struct command_row cmd_<name>`, and a line here. */
#pragma once

#include "cli/cli.h"

#define COMMANDS(X)                                                                                \
    X(build)                                                                                       \
    X(base)                                                                                        \
    X(run)                                                                                         \
    X(images)                                                                                      \
    X(inspect)                                                                                     \
    X(history)                                                                                     \
    X(tag)                                                                                         \
    X(rmi)                                                                                         \
    X(export)                                                                                      \
    X(load)                                                                                        \
    X(unpack)                                                                                      \
    X(diff)                                                                                        \
    X(du)                                                                                          \
    X(prune)                                                                                       \
    X(lint)                                                                                        \
    X(audit)                                                                                       \
    X(login)                                                                                       \
    X(logout)                                                                                      \
    X(pull)                                                                                        \
    X(push)                                                                                        \
    X(copy)                                                                                        \
    X(keygen)                                                                                      \
    X(sign)                                                                                        \
    X(attest)                                                                                      \
    X(verify)                                                                                      \
    X(tree)                                                                                        \
    X(help)                                                                                        \
    X(version)                                                                                     \
    X(completion)

#define COMMAND_DECLARE(name) extern const struct command_row cmd_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

/* NULL-terminated. */
extern const struct command_row *const commands[];
const struct command_row *command_find(const char *name);
/* Says that there is no such command, with a suggestion; returns EXIT_USAGE. */
int command_unknown(const char *name, struct error *err);
