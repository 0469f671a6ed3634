/* cli/roles.h - what this program is when argv[0] begins with '@': a child of ours
 * (base/proc.h). */
#pragma once

/* Runs the role; returns the exit status. */
int role_main(int argc, char **argv);
