/* image_program.c - what starts, where it may write, and what apk has installed. */
#include <elf.h>

#include <limits.h>

#include "audit/image.h"

/* ---- the file ---- */

static void resolve(const struct gathering *g, const char *path, struct merge_file *ret)
{
    STR_AUTO(real);

    *ret = (struct merge_file){0};
    if (merge_resolve(g->layers->view.merge, view_of(path), 0, &real, ret, NULL) < 0)
        *ret = (struct merge_file){0};
}

static bool find(const struct gathering *g, const char *path, struct merge_file *ret)
{
    resolve(g, path, ret);
    return ret->entry && ret->entry->type == ENTRY_FILE;
}

void audit_path_dirs(struct gathering *g, struct map *ret)
{
    const char *path = config_get_env(g->facts->config, "PATH");
    struct view dir,
        rest =
            view_of(path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

    while (rest.at && view_cut(&rest, ':', &dir)) {
        if (dir.size == 0 || dir.size >= PATH_MAX || map_has(ret, dir))
            continue;
        if (ret->size == AUDIT_PATH_MAX) {
            g->facts->incomplete = "PATH has more directories than are looked at";
            return;
        }
        map_set(ret, dir, NULL);
    }
}

static const char *locate_on_path(struct gathering *g, const char *name, struct merge_file *ret)
{
    CLEANUP(map_done) struct map dirs = {0};
    STR_AUTO(full);

    audit_path_dirs(g, &dirs);
    map_each (dir, &dirs) {
        str_clear(&full);
        str_printf(&full, "%.*s/%s", VIEW_ARG(dir->key), name);
        if (find(g, full.at, ret) && (ret->entry->mode & 0111))
            return arena_strdup(g->arena, full.at);
    }
    return NULL;
}

/* Along PATH, or from WORKDIR, as execvpe() looks. */
static const char *locate(struct gathering *g, const char *name, struct merge_file *ret)
{
    const struct image_config *c = g->facts->config;

    if (strlen(name) >= PATH_MAX) /* execve() takes no longer one */
        return NULL;
    if (name[0] == '/')
        return find(g, name, ret) ? arena_strdup(g->arena, name) : NULL;
    if (strchr(name, '/')) {
        const char *full = arena_printf(g->arena, "%s/%s", c->workdir ? c->workdir : "", name);
        return find(g, full, ret) ? full : NULL;
    }
    return locate_on_path(g, name, ret);
}

/* ---- ELF ---- */

/* The fields that are asked for are at the same place for all machines of a class and byte order; a number is read as the
 * file has it. */
static uint64_t number_at(struct view v, size_t at, size_t size, bool big)
{
    uint64_t n = 0;

    if (at > v.size || size > v.size - at)
        return 0;
    for (size_t i = 0; i < size; i++)
        n |= (uint64_t)(uint8_t)v.at[at + i] << 8 * (big ? size - 1 - i : i);
    return n;
}

static enum image_program elf_kind(struct view v)
{
    const bool wide = v.at[EI_CLASS] == ELFCLASS64, big = v.at[EI_DATA] == ELFDATA2MSB;
    const uint64_t at = number_at(v, wide ? 32 : 28, wide ? 8 : 4, big);
    const size_t size = (size_t)number_at(v, wide ? 54 : 42, 2, big);
    const size_t count = (size_t)number_at(v, wide ? 56 : 44, 2, big);

    if (at == 0 || at > v.size || count == 0 || size < (wide ? 56u : 32u) ||
        count * size > v.size - at)
        return IMAGE_PROGRAM_UNKNOWN;
    for (size_t i = 0; i < count; i++)
        if (number_at(v, (size_t)at + i * size, 4, big) == PT_INTERP)
            return IMAGE_PROGRAM_DYNAMIC;
    return IMAGE_PROGRAM_STATIC;
}

static enum image_program kind_of(struct view v)
{
    if (v.size >= sizeof(Elf32_Ehdr) && memcmp(v.at, ELFMAG, SELFMAG) == 0)
        return elf_kind(v);
    return view_starts(v, "#!") ? IMAGE_PROGRAM_SCRIPT : IMAGE_PROGRAM_UNKNOWN;
}

/* ---- what starts ---- */

static bool is_shell(const char *path)
{
    return (image_name_lists(view_of(path[0] == '/' ? path + 1 : path), false, true) >>
                IMAGE_SHELL &
            1) ||
           strcmp(path, "sh") == 0 || strcmp(path, "bash") == 0;
}

/* `tini -s -- program`, `sh script`: the first word behind that is no option. */
static size_t behind_options(const struct strings *command, size_t at)
{
    while (at < command->size && command->at[at][0] == '-' && strcmp(command->at[at], "--") != 0)
        at++;
    return at < command->size && strcmp(command->at[at], "--") == 0 ? at + 1 : at;
}

static void look_at_program(struct gathering *g, const char *name)
{
    struct image_facts *f = g->facts;
    struct merge_file file;

    f->program_path = locate(g, name, &file);
    f->program = f->program_path ? IMAGE_PROGRAM_UNKNOWN : IMAGE_PROGRAM_MISSING;
    if (!f->program_path) {
        f->program_path = arena_strdup(g->arena, name);
        return;
    }
    const struct pick *pick = audit_layers_file(g->layers, f->program_path, NULL);
    if (pick)
        f->program = kind_of(str_view(&pick->bytes));
    if (f->program == IMAGE_PROGRAM_SCRIPT && pick->whole)
        f->script = str_view(&pick->bytes);
    if (audit_may_write(&f->user, file.entry) && !(file.entry->mode & 0002))
        (void)audit_add_file(g, IMAGE_USER_EXEC, f->program_path + (f->program_path[0] == '/'),
                             file.entry, audit_layer_number(g->layers, file.layer), false);
}

static void read_command(struct gathering *g)
{
    struct strings command = {0};
    size_t at = 0;

    config_command(g->facts->config, &command);
    if (command.size > 0 && image_name_is_init(command.at[0])) {
        g->facts->has_init = true;
        at = behind_options(&command, 1);
    }
    if (at + 1 < command.size && is_shell(command.at[at]) && command.at[at + 1][0] != '-')
        at++; /* a script by its name */
    if (at < command.size)
        look_at_program(g, command.at[at]);
    vec_done(&command);
}

/* ---- directories ---- */

static bool may(const struct image_user *u, const struct entry *e, unsigned bits)
{
    if (u->root || !u->known)
        return true;
    if (e->uid == u->uid)
        return (e->mode >> 6 & bits) == bits;
    for (size_t i = 0; i < u->group_count; i++)
        if (u->groups[i] == e->gid)
            return (e->mode >> 3 & bits) == bits;
    return (e->mode & bits) == bits;
}

/* A volume that is not there is made as root's when the container starts. */
static void look_at_volume(struct gathering *g, const char *path)
{
    struct merge_file f;

    resolve(g, path, &f);
    if (!g->facts->user.root && g->facts->user.known &&
        (!f.entry || (f.entry->type == ENTRY_DIR && !may(&g->facts->user, f.entry, 3))))
        audit_add_text(g, &g->facts->closed, arena_printf(g->arena, "VOLUME %s", path));
}

static void look_at_workdir(struct gathering *g)
{
    const char *path = g->facts->config->workdir;
    struct merge_file f;

    if (!path || !path[0])
        return;
    resolve(g, path, &f);
    if (f.entry && f.entry->type == ENTRY_DIR && !may(&g->facts->user, f.entry, 1))
        audit_add_text(g, &g->facts->closed, arena_printf(g->arena, "WORKDIR %s", path));
}

/* ---- apk's packages ---- */

static void read_apk(struct gathering *g)
{
    const struct entry none = {.type = ENTRY_FILE};
    struct merge_file f;
    const struct pick *pick = audit_layers_file(g->layers, "/lib/apk/db/installed", &f);
    struct view text = pick ? str_view(&pick->bytes) : VIEW(""), line;

    while (text.at && view_cut(&text, '\n', &line)) {
        if (!view_starts(line, "P:") || !view_ends(line, "-dev"))
            continue;
        cleanup_free char *package = view_dup(view_make(line.at + 2, line.size - 2));
        (void)audit_add_file(g, IMAGE_DEV_PACKAGE, package, &none,
                             audit_layer_number(g->layers, f.layer), false);
    }
}

void audit_gather_program(struct gathering *g)
{
    const struct image_config *c = g->facts->config;

    read_command(g);
    for (size_t i = 0; i < c->volumes.size; i++)
        look_at_volume(g, c->volumes.at[i]);
    look_at_workdir(g);
    read_apk(g);
}
