/* format_json.c - the formats that are JSON: hadolint's rows, Code Climate, GitLab, SonarQube, SARIF 2.1.0. */
#include <ctype.h>

#include "base/doc.h"
#include "lint/format_internal.h"
#include "oci/digest.h"

/* A comma before every element but the first. */
static void add_doc(struct lint_output *o, bool first, json_t *take_doc)
{
    STR_AUTO(text);

    if (!first)
        str_add_text(&o->text, ",\n");
    doc_print(take_doc, true, &text);
    str_add(&o->text, str_view(&text));
    doc_unref(take_doc);
}

#define IS_FIRST(o, s, f) ((o)->findings == 0 && (f) == (s)->report->at)

/* ---- json: the row of hadolint, and what it has no field for ---- */

static json_t *aliases_doc(const struct lint_row *row)
{
    json_t *list = json_array();

    doc_push(list, doc_new_text(row->id));
    doc_push(list, doc_new_text(row->name));
    for (size_t i = 0; i < ARRAY_SIZE(row->aliases) && row->aliases[i]; i++)
        doc_push(list, doc_new_text(row->aliases[i]));
    return list;
}

/* How it is mended: what is replaced, and by what; for editors. */
static json_t *edits_doc(const struct lint_finding *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->edit_count; i++) {
        const struct lint_edit *e = &f->edits[i];
        json_t *doc = json_object();

        doc_set_int(doc, "line", e->span.line);
        doc_set_int(doc, "column", e->span.column);
        doc_set_int(doc, "endLine", e->span.end_line);
        doc_set_int(doc, "endColumn", e->span.end_column);
        doc_set_text(doc, "text", e->text);
        doc_push(list, doc);
    }
    return list;
}

void format_json_begin(struct lint_output *o)
{
    str_add_char(&o->text, '[');
}

void format_json_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        json_t *doc = json_object();

        doc_set_text(doc, "code", f->code);
        doc_set_int(doc, "column", f->span.column);
        doc_set_text(doc, "file", s->name);
        doc_set_text(doc, "level", lint_level_name(f->level));
        doc_set_int(doc, "line", f->span.line);
        doc_set_text(doc, "message", f->text);
        doc_set_int(doc, "endLine", f->span.end_line);
        doc_set_int(doc, "endColumn", f->span.end_column);
        doc_set_text(doc, "rule", f->row->id);
        doc_set_text(doc, "name", f->row->name);
        doc_set(doc, "aliases", aliases_doc(f->row));
        if (f->place)
            doc_set_text(doc, "place", f->place);
        if (f->edit_count > 0)
            doc_set(doc, "edits", edits_doc(f));
        add_doc(o, IS_FIRST(o, s, f), doc);
    }
}

void format_json_end(struct lint_output *o)
{
    str_add_text(&o->text, "]\n");
}

/* ---- Code Climate, and GitLab's reading of it ---- */

static const char *climate_severity(enum lint_level level)
{
    static const char *const words[] = {"info", "minor", "info", "major", "blocker"};

    return words[level];
}

/* The text, behind its place where the format has no field for one. */
static void set_message(json_t *doc, const char *key, const struct lint_finding *f)
{
    cleanup_free char *text =
        f->place && *f->place ? xasprintf("%s: %s", f->place, f->text) : xstrdup(f->text);

    doc_set_text(doc, key, text);
}

static json_t *climate_doc(const struct lint_subject *s, const struct lint_finding *f)
{
    json_t *doc = json_object(), *where = json_object(), *lines = json_object(),
           *categories = json_array();

    doc_set_text(doc, "type", "issue");
    doc_set_text(doc, "check_name", f->code);
    set_message(doc, "description", f);
    doc_push(categories, doc_new_text("Bug Risk"));
    doc_set(doc, "categories", categories);
    doc_set_int(lines, "begin", MAX(f->span.line, 1u));
    doc_set_int(lines, "end", MAX(MAX(f->span.end_line, f->span.line), 1u));
    doc_set_text(where, "path", s->name);
    doc_set(where, "lines", lines);
    doc_set(doc, "location", where);
    doc_set_text(doc, "severity", climate_severity(f->level));
    return doc;
}

/* Documents with a NUL behind each (Code Climate's engine specification). */
void format_codeclimate_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        add_doc(o, true, climate_doc(s, f));
        str_add_char(&o->text, '\0');
    }
}

/* Codacy's tool API: a document a line. */
void format_codacy_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        json_t *doc = json_object();

        doc_set_text(doc, "filename", s->name);
        doc_set_text(doc, "patternId", f->code);
        set_message(doc, "message", f);
        doc_set_int(doc, "line", MAX(f->span.line, 1u));
        add_doc(o, true, doc);
        str_add_char(&o->text, '\n');
    }
}

/* The same finding has the same fingerprint in the next run. */
static void set_fingerprint(json_t *doc)
{
    STR_AUTO(text);
    struct digest digest;
    char hex[DIGEST_HEX_MAX];

    doc_print(doc, true, &text);
    digest_of(str_view(&text), &digest);
    doc_set_text(doc, "fingerprint", digest_hex(&digest, hex));
}

void format_gitlab_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        json_t *doc = climate_doc(s, f);

        set_fingerprint(doc);
        add_doc(o, IS_FIRST(o, s, f), doc);
    }
}

/* ---- SonarQube's generic issues ---- */

/* Where the last place was: the next one is behind it, mostly, and a line may be long. */
struct columns {
    uint32_t line;
    struct view text, rest; /* of the line; behind it */
    uint32_t column, units; /* both from 1 */
};

/* at NULL: there is none. What is no Dockerfile has no table of its lines. */
static void go_to_line(struct columns *c, const struct lint_subject *s, uint32_t line)
{
    const struct dockerfile *d = s->report->dockerfile;

    if (c->line == line)
        return;
    if (c->line == 0 || line < c->line)
        *c = (struct columns){.rest = s->source};
    c->column = c->units = 1;
    if (d) {
        c->text = line <= d->line_count ? view_make(d->source.at + d->line_at[line - 1],
                                                    d->line_at[line] - d->line_at[line - 1])
                                        : (struct view){0};
        c->line = line;
    }
    while (c->line < line) {
        c->line++;
        if (!c->rest.at || !view_cut(&c->rest, '\n', &c->text))
            c->text = (struct view){0};
    }
}

/* SonarQube and SARIF count UTF-16 units where a span counts bytes. */
static uint32_t utf16_column(struct columns *c, const struct lint_subject *s, uint32_t line,
                             uint32_t column)
{
    if (line > 0)
        go_to_line(c, s, line);
    if (line == 0 || !c->text.at || column == 0)
        return MAX(column, 1u);
    if (column < c->column)
        c->column = c->units = 1;
    for (; c->column < column; c->column++) {
        const size_t i = c->column - 1;
        const unsigned char byte = i < c->text.size ? (unsigned char)c->text.at[i] : ' ';
        c->units += ((byte & 0xc0) != 0x80) + (byte >= 0xf0);
    }
    return c->units;
}

static struct span utf16_span(struct columns *c, const struct lint_subject *s, struct span span)
{
    span.column = utf16_column(c, s, span.line, span.column);
    if (span.end_line)
        span.end_column = utf16_column(c, s, span.end_line, span.end_column);
    return span;
}

void format_sonarqube_begin(struct lint_output *o)
{
    str_add_text(&o->text, "{\"issues\":[");
}

void format_object_end(struct lint_output *o)
{
    str_add_text(&o->text, "]}\n");
}

/* Columns from 0; a range is never empty. */
static json_t *sonar_range(struct span span)
{
    json_t *range = json_object();
    const uint32_t column = MAX(span.column, 1u) - 1;
    const bool one = span.end_line <= span.line && span.end_column <= span.column;

    doc_set_int(range, "startLine", span.line);
    doc_set_int(range, "endLine", MAX(span.end_line, span.line));
    doc_set_int(range, "startColumn", column);
    doc_set_int(range, "endColumn", one ? column + 1 : span.end_column - 1);
    return range;
}

void format_sonarqube_file(struct lint_output *o, const struct lint_subject *s)
{
    static const char *const severities[] = {"INFO", "INFO", "MINOR", "MAJOR", "CRITICAL"};
    struct columns columns = {0};

    vec_each (f, s->report) {
        json_t *doc = json_object(), *where = json_object();

        doc_set_text(doc, "engineId", "cooper");
        doc_set_text(doc, "ruleId", f->code);
        doc_set_text(doc, "severity", severities[f->level]);
        doc_set_text(doc, "type", f->level == LINT_ERROR ? "BUG" : "CODE_SMELL");
        set_message(where, "message", f);
        doc_set_text(where, "filePath", s->name);
        if (f->span.line)
            doc_set(where, "textRange", sonar_range(utf16_span(&columns, s, f->span)));
        doc_set(doc, "primaryLocation", where);
        add_doc(o, IS_FIRST(o, s, f), doc);
    }
}

/* ---- SARIF 2.1.0 ---- */

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static const char *sarif_level(enum lint_level level)
{
    static const char *const words[] = {"none", "note", "note", "warning", "error"};

    return words[level];
}

void format_sarif_begin(struct lint_output *o)
{
    str_add_text(&o->text, "{\"$schema\":\"" SARIF_SCHEMA
                           "\",\"version\":\"2.1.0\",\"runs\":[{\"columnKind\":\"utf16CodeUnits\","
                           "\"results\":[");
}

static json_t *sarif_text(const char *text)
{
    json_t *doc = json_object();

    doc_set_text(doc, "text", text);
    return doc;
}

static json_t *sarif_region(struct span span)
{
    json_t *region = json_object();

    doc_set_int(region, "startLine", span.line);
    doc_set_int(region, "startColumn", MAX(span.column, 1u));
    if (span.end_line) {
        doc_set_int(region, "endLine", span.end_line);
        doc_set_int(region, "endColumn", MAX(span.end_column, 1u));
    }
    return region;
}

/* A relative reference (RFC 3986, 4.2): all that a path may hold and a URI may not is escaped. */
static json_t *uri_doc(const char *name)
{
    STR_AUTO(uri);

    for (; *name; name++)
        if (isalnum((unsigned char)*name) || strchr("-._~/!$&'()*+,;=@", *name))
            str_add_char(&uri, *name);
        else
            str_printf(&uri, "%%%02X", (unsigned char)*name);
    return doc_new_text(uri.at);
}

/* "services.web.privileged" of what has no line, or has a name besides. */
static json_t *sarif_logical(const char *place)
{
    json_t *list = json_array(), *doc = json_object();

    doc_set_text(doc, "fullyQualifiedName", place);
    doc_push(list, doc);
    return list;
}

static json_t *sarif_location(const char *name, struct span span)
{
    json_t *doc = json_object(), *physical = json_object(), *artifact = json_object();

    doc_set(artifact, "uri", uri_doc(name));
    doc_set(physical, "artifactLocation", artifact);
    if (span.line)
        doc_set(physical, "region", sarif_region(span));
    doc_set(doc, "physicalLocation", physical);
    return doc;
}

void format_sarif_file(struct lint_output *o, const struct lint_subject *s)
{
    struct columns columns = {0};

    vec_each (f, s->report) {
        json_t *doc = json_object(), *where = json_array();

        doc_set_text(doc, "ruleId", f->code);
        doc_set_text(doc, "level", sarif_level(f->level));
        doc_set(doc, "message", sarif_text(f->text));
        json_t *location = sarif_location(s->name, utf16_span(&columns, s, f->span));
        if (f->place && *f->place)
            doc_set(location, "logicalLocations", sarif_logical(f->place));
        doc_push(where, location);
        doc_set(doc, "locations", where);
        add_doc(o, IS_FIRST(o, s, f), doc);
    }
}

static json_t *sarif_rule(const struct lint_row *row)
{
    json_t *doc = json_object(), *config = json_object();

    doc_set_text(doc, "id", lint_row_code(row));
    doc_set_text(doc, "name", row->name);
    doc_set(doc, "shortDescription", sarif_text(row->title));
    doc_set(doc, "fullDescription", sarif_text(row->why));
    doc_set(doc, "help", sarif_text(row->fix));
    doc_set_text(config, "level", sarif_level(row->level));
    doc_set(doc, "defaultConfiguration", config);
    return doc;
}

/* Only the rules that fired. */
void format_sarif_end(struct lint_output *o)
{
    const struct lint_row *row;
    bool first = true;

    str_add_text(&o->text,
                 "],\"tool\":{\"driver\":{\"name\":\"cooper\",\"version\":\"" COOPER_VERSION
                 "\",\"rules\":[");
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        if (!o->fired[i])
            continue;
        add_doc(o, first, sarif_rule(row));
        first = false;
    }
    str_add_text(&o->text, "]}}}]}\n");
}
