/* lint/format_internal.h - between the files that write findings. */
#pragma once

#include <jansson.h>

#include "lint/format.h"
#include "lint/internal.h"

void format_json_begin(struct lint_output *o);
void format_json_file(struct lint_output *o, const struct lint_subject *s);
void format_json_end(struct lint_output *o);
void format_codeclimate_file(struct lint_output *o, const struct lint_subject *s);
void format_codacy_file(struct lint_output *o, const struct lint_subject *s);
void format_gitlab_file(struct lint_output *o, const struct lint_subject *s);
void format_sonarqube_begin(struct lint_output *o);
void format_sonarqube_file(struct lint_output *o, const struct lint_subject *s);
void format_object_end(struct lint_output *o);
void format_sarif_begin(struct lint_output *o);
void format_sarif_file(struct lint_output *o, const struct lint_subject *s);
void format_sarif_end(struct lint_output *o);
void format_checkstyle_begin(struct lint_output *o);
void format_checkstyle_file(struct lint_output *o, const struct lint_subject *s);
void format_checkstyle_end(struct lint_output *o);
void format_junit_begin(struct lint_output *o);
void format_junit_file(struct lint_output *o, const struct lint_subject *s);
void format_junit_end(struct lint_output *o);
