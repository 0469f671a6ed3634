/* test_audit.c - run configurations: the examples of every row, the table of cases, and that one configuration is the same in every
 * form that it is written in. */
#include <errno.h>

#include "audit/runconfig.h"
#include "cli/docker_options.h"
#include "cli/options.h"
#include "conformance.h"
#include "judge.h"
#include "lint/format.h"
#include "lint_fixture.h"

struct given {
    struct docker_options run;
};
static const struct option_row rows[] = {DOCKER_OPTIONS(struct given, run), OPT_END};
static const struct command_row command = {
    .name = "audit",
    .options = rows,
    .foreign = docker_foreign,
    .options_size = sizeof(struct given),
    .stop_at_first = true,
};

/* Reads "exec -u 0 c sh"; image: what stands there when the text names none. */
static void read_options(const char *text, const char *image, struct run_list *ret)
{
    CLEANUP(strings_done) struct strings words = {0}, rest = {0};
    struct view line = view_of(text), word;
    struct global_options globals = {0};
    struct given given = {0};

    while (line.at && view_cut(&line, ' ', &word) && !view_eq_text(word, "#"))
        if (word.size > 0)
            strings_take(&words, view_dup(word));
    const bool exec = words.size > 0 && strcmp(words.at[0], "exec") == 0;
    assert_int_equal(options_parse(&command, strings_argv(&words) + exec, (int)words.size - exec,
                                   &given, &globals, &rest, NULL),
                     0);
    if (rest.size == 0)
        strings_add(&rest, image);
    given.run.exec = exec;
    given.run.command = strings_argv(&rest);
    assert_int_equal(runconfig_options(&given.run, ret, NULL), 0);
    strings_done(&globals.warnings);
    options_done(&command, &given);
}

static bool fires(const struct lint_report *r, const struct lint_row *row)
{
    vec_each (f, r)
        if (f->row == row)
            return true;
    return false;
}

/* ---- rows ---- */

/* The image of a row that speaks of one. */
static void add_image(struct run_list *list)
{
    static const char *const exposed[] = {"8080/tcp", NULL};

    list->runs.at[0]->about_image = (struct run_image){true, "1001", true, exposed};
}

static void every_example_holds(void **state)
{
    const struct lint_row *row;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        CLEANUP(lint_report_done) struct lint_report bad = {0}, good = {0};
        RUN_LIST_AUTO(bad_list);
        RUN_LIST_AUTO(good_list);

        if (!row->runtime || lint_row_is_dockerfile(row))
            continue;
        count++;
        read_options(row->bad, "app:1.2.3", &bad_list);
        read_options(row->good, "app:1.2.3", &good_list);
        add_image(&bad_list);
        add_image(&good_list);
        judge(&bad_list, &bad);
        judge(&good_list, &good);
        if (!fires(&bad, row))
            fail_msg("%s (%s) does not fire on its example: %s", row->id, row->name, row->bad);
        vec_each (f, &good)
            if (f->row == row || f->level >= LINT_WARNING)
                fail_msg("%s fires on the good example of %s: %s: %s\n%s", f->row->id, row->id,
                         f->place, f->text, row->good);
    }
    assert_true(count > 30);
}

/* ---- the table of cases ---- */

static void cases_of_the_table_hold(void **state)
{
    STR_AUTO(text);
    struct view rest, fields[3];
    size_t count = 0;

    (void)state;
    conformance_read("lint/runconfig-cases.tsv", &text);
    rest = str_view(&text);
    assert_true(conformance_row(&rest, fields, 3)); /* the heading */
    while (conformance_row(&rest, fields, 3)) {
        CLEANUP(lint_report_done) struct lint_report report = {0};
        RUN_LIST_AUTO(list);
        cleanup_free char *options = view_dup(fields[1]);
        const struct lint_row *row = lint_row_find(fields[0]);

        if (!row)
            fail_msg("there is no rule '%.*s'", VIEW_ARG(fields[0]));
        read_options(options, "app:1.2.3", &list);
        judge(&list, &report);
        if (fires(&report, row) != view_eq_text(view_trim(fields[2]), "yes"))
            fail_msg("%.*s: '%s' is %.*s", VIEW_ARG(fields[0]), options, VIEW_ARG(fields[2]));
        count++;
    }
    assert_true(count >= 66);
}

/* ---- words with several forms ---- */

static const struct {
    const char *options, *rule;
    bool fires;
} words[] = {
    {"--network name=host,alias=x", "host-network", true},
    {"--net=host", "host-network", true},
    {"--mount type=volume,target=/x,volume-opt=o=bind,volume-opt=device=/etc", "mount-sensitive",
     true},
    {"--mount type=bind,src=/etc,dst=/x,readonly", "mount-sensitive", true},
    {"--mount type=bind,src=/etc/ssl/certs,dst=/x,ro=true", "mount-sensitive", false},
    {"--mount type=bind,src=/etc/ssl/certs,dst=/x", "mount-sensitive", true},
    {"-v /var/:/x", "mount-sensitive", true},
    {"-v /srv/../:/x", "mount-sensitive", true},
    {"-v /etcetera:/x", "mount-sensitive", false},
    {"-v ~/.ssh:/x:ro", "mount-sensitive", true},
    {"-v etc:/x", "mount-sensitive", false},
    {"-v /run/user/1000/podman/podman.sock:/s:ro", "mount-docker-socket", true},
    {"-v /run/k3s/containerd/containerd.sock:/s", "mount-docker-socket", true},
    {"-v /run/containerd/:/s", "mount-docker-socket", true},
    {"-v /opt/x:/var/run/docker.sock", "mount-docker-socket", true},
    {"-v docker.sock:/s", "mount-docker-socket", false},
    {"-v /var/run/podman:/s", "mount-docker-socket", true},
    {"-v /run/user/1000:/s", "mount-docker-socket", true},
    {"-v /var/run/user/1000/docker:/s", "mount-docker-socket", true},
    {"-v /run/user/1000/pulse:/s", "mount-docker-socket", false},
    {"-v /run/k3s:/s", "mount-docker-socket", true},
    {"-v /var/run/dbus/system_bus_socket:/s:ro", "mount-sensitive", true},
    {"-v /run/systemd:/s:ro", "mount-sensitive", true},
    {"-v /var/run/systemd/resolve/resolv.conf:/etc/resolv.conf:ro", "mount-sensitive", false},
    {"--use-api-socket", "mount-docker-socket", true},
    {"-v $XDG_RUNTIME_DIR/docker.sock:/s", "mount-docker-socket", true},
    {"-v ${XDG_RUNTIME_DIR}/podman/:/s", "mount-docker-socket", true},
    {"-v $XDG_RUNTIME_DIR:/s", "mount-docker-socket", true},
    {"-v $XDG_RUNTIME_DIR/pulse:/s", "mount-docker-socket", false},
    {"-v $XDG_RUNTIME_DIRECTORY:/s", "mount-docker-socket", false},
    {"--mount type=bind,src=/a,dst=/b,readonly=T", "mount-could-be-ro", false},
    {"--mount type=bind,src=/a,dst=/b,readonly=F", "mount-could-be-ro", true},
    {"--mount type=bind,src=/a,dst=/b,ro=False", "mount-could-be-ro", true},
    {"--mount type=bind,src=/a,dst=/b,readonly=perhaps", "mount-could-be-ro", true},
    {"--mount \"type=bind\",\"src=/etc\",dst=/b", "mount-sensitive", true},
    {"--mount type=bind,\"src=/e,t\"\"c\",dst=/b,ro", "mount-could-be-ro", false},
    {"--security-opt no-new-privileges=F", "new-privileges-allowed", true},
    {"--security-opt no-new-privileges:t", "new-privileges-allowed", false},
    {"--user 0 --uidmap 0:100000:65536", "runs-as-root", false},
    {"--health-cmd none app:1", "no-healthcheck", true},
    {"--rootfs /srv/root", "image-latest", false},
    {"--user=", "runs-as-root", false},
    {"-v /var/running:/s", "mount-sensitive", false},
    {"-v /home/me:/h:ro", "mount-sensitive", true},
    {"-v /home/me/app:/h", "mount-sensitive", false},
    {"-v ~/:/h", "mount-sensitive", true},
    {"-v $HOME:/h", "mount-sensitive", true},
    {"-v ${HOME}/app:/h", "mount-sensitive", false},
    {"-v $APP/conf:/h", "mount-could-be-ro", false},
    {"-v /srv/db:/var/lib/db", "mount-could-be-ro", false},
    {"--mount type=bind,src=/a,dst=/b,bind-propagation=shared", "mount-shared-propagation", true},
    {"--cap-drop=net_raw,all", "cap-not-dropped", false},
    {"--cap-drop NET_RAW", "cap-not-dropped", true},
    {"--cap-add CAP_Bpf", "cap-dangerous", true},
    {"--privileged --cap-drop ALL", "cap-not-dropped", true},
    {"--privileged", "seccomp-off", true},
    {"--privileged", "host-device", true},
    {"--privileged=false", "privileged", false},
    {"--security-opt seccomp:unconfined", "seccomp-off", true},
    {"--security-opt seccomp=/p.json", "seccomp-off", false},
    {"--security-opt label=type:spc_t", "selinux-off", true},
    {"--security-opt label=user:x", "selinux-off", false},
    {"--security-opt no-new-privileges:true", "new-privileges-allowed", false},
    {"--security-opt no-new-privileges=false", "new-privileges-allowed", true},
    {"--user root:app", "runs-as-root", true},
    {"--user 00", "runs-as-root", true},
    {"--user app", "runs-as-root", false},
    {"--user 0 --userns=keep-id", "runs-as-root", false},
    {"-p 80", "publish-low-port", false},
    {"-p 127.0.0.1:1000-1100:80-180", "publish-low-port", true},
    {"-p 80:80/udp", "publish-low-port", true},
    {"-p [::1]:8080:80", "publish-all-interfaces", false},
    {"-p ::1:8080:80", "publish-all-interfaces", false},
    {"-p 0.0.0.0:8080:80", "publish-all-interfaces", true},
    {"-p 127.0.0.1::80", "publish-all-interfaces", false},
    {"-p 2222:22", "expose-ssh", true},
    {"-m 0", "no-memory-limit", true},
    {"--memory=1g", "no-memory-limit", false},
    {"--pids-limit=-1", "no-pids-limit", true},
    {"--cpu-shares 5", "no-cpu-limit", false},
    {"--cpuset-cpus 0,1", "no-cpu-limit", false},
    {"--restart on-failure", "restart-unbounded", true},
    {"--restart on-failure:50", "restart-unbounded", true},
    {"--restart unless-stopped", "restart-unbounded", true},
    {"--restart no", "restart-unbounded", false},
    {"-e DB_PASSWORD", "secret-in-env", true},
    {"-e DB_PASSWORD=", "secret-in-env", false},
    {"-e DB_PASSWORD=12345678", "secret-in-env", true},
    {"-e TOKEN_TTL=15m", "secret-in-env", false},
    {"-e TOKEN_TTL=1x7mz", "secret-in-env", true},
    {"-e password_min_length=8", "secret-in-env", false},
    {"-e X=AKIAABCDEFGHIJKLMNOP", "secret-value-in-label-or-env", true},
    {"-e DOCKER_HOST=tcp://h:2376 -e DOCKER_TLS_VERIFY=1", "docker-host-plain-tcp", false},
    {"-e DOCKER_HOST=unix:///s", "docker-host-plain-tcp", false},
    {"docker:27 dockerd -H tcp://0.0.0.0:2375", "docker-host-plain-tcp", true},
    {"app", "image-latest", true},
    {"localhost:5000/app", "image-latest", true},
    {"localhost:5000/app:1", "image-latest", false},
    {"0123456789ab", "image-latest", false},
    {"app:1 /usr/sbin/sshd -D", "expose-ssh", true},
    {"--entrypoint /usr/bin/tini app:1 -- app", "no-init", false},
    {"app:1 app tini", "no-init", true},
    {"", "default-bridge", true},
    {"--network none", "default-bridge", false},
    {"exec c sh", "rootfs-writable", false},
    {"exec -e TOKEN=x c sh", "secret-in-env", true},
    {"exec -u 0 c sh", "exec-as-root", true},
};

static void words_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        CLEANUP(lint_report_done) struct lint_report report = {0};
        RUN_LIST_AUTO(list);
        const struct lint_row *row = lint_row_find(view_of(words[i].rule));

        assert_non_null(row);
        read_options(words[i].options, "app:1.2.3", &list);
        judge(&list, &report);
        if (fires(&report, row) != words[i].fires)
            fail_msg("'%s' %s %s", words[i].options, words[i].fires ? "is no" : "is",
                     words[i].rule);
    }
}

/* ---- one configuration, four forms ---- */

static void read_text(const char *text, struct run_list *ret)
{
    ERROR_AUTO(e);

    if (runconfig_parse(view_of(text), "file", ret, &e) < 0)
        fail_msg("%s: %s\n%s", e.where ? e.where : "", e.text, text);
}

/* "CP801 CP802 ...", each once; without those of the list. */
static void codes_of(const struct run_list *list, const char *without, struct str *ret)
{
    CLEANUP(lint_report_done) struct lint_report report = {0};
    CLEANUP(map_done) struct map seen = {0};
    const struct lint_row *row;

    judge(list, &report);
    vec_each (f, &report)
        map_set(&seen, view_of(f->row->id), &seen);
    for (size_t i = 0; (row = lint_row_at(i)); i++)
        if (map_has(&seen, view_of(row->id)) && !strstr(without, row->id))
            str_printf(ret, "%s%s", ret->size ? " " : "", row->id);
}

static const struct {
    const char *options, *compose, *inspect, *pod;
    const char *not_pod; /* rules that a pod has no words for, or whose default is another */
} forms[] = {
    {"--privileged --pid host --ipc host --uts host --userns host --cgroupns host --network host "
     "--cap-add sys_admin --user root -v /var/run/docker.sock:/s -v /etc:/etc -v /a:/b:ro,rshared "
     "-e DB_PASSWORD=x --device /dev/sda --restart always --security-opt seccomp=unconfined "
     "--security-opt apparmor=unconfined --security-opt label=disable --cgroup-parent /x "
     "--no-healthcheck app:latest",
     "services:\n  web:\n    image: app:latest\n    privileged: true\n    pid: host\n    ipc: "
     "host\n"
     "    uts: host\n    userns_mode: host\n    cgroup: host\n    network_mode: host\n"
     "    cap_add: [CAP_SYS_ADMIN]\n    user: root\n    volumes:\n"
     "      - /var/run/docker.sock:/s\n      - {type: bind, source: /etc, target: /etc}\n"
     "      - {type: bind, source: /a, target: /b, read_only: true, bind: {propagation: rshared}}\n"
     "    environment: {DB_PASSWORD: x}\n    devices: [/dev/sda]\n    restart: always\n"
     "    security_opt: ['seccomp:unconfined', 'apparmor:unconfined', 'label:disable']\n"
     "    cgroup_parent: /x\n    healthcheck: {disable: true}\n",
     "[{\"Name\":\"/web\",\"Config\":{\"Image\":\"app:latest\",\"User\":\"root\","
     "\"Env\":[\"DB_PASSWORD=x\"],\"Healthcheck\":{\"Test\":[\"NONE\"]}},\"AppArmorProfile\":"
     "\"unconfined\",\"HostConfig\":{\"Privileged\":true,\"PidMode\":\"host\",\"IpcMode\":\"host\","
     "\"UTSMode\":\"host\",\"UsernsMode\":\"host\",\"CgroupnsMode\":\"host\",\"NetworkMode\":"
     "\"host\",\"CapAdd\":[\"CAP_SYS_ADMIN\"],\"Devices\":[{\"PathOnHost\":\"/dev/sda\"}],"
     "\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":0},\"SecurityOpt\":["
     "\"seccomp=unconfined\",\"apparmor=unconfined\",\"label=disable\"],\"CgroupParent\":\"/x\","
     "\"Memory\":0,\"NanoCpus\":0,\"PidsLimit\":null,\"ReadonlyRootfs\":false},\"Mounts\":["
     "{\"Type\":\"bind\",\"Source\":\"/var/run/docker.sock\",\"Destination\":\"/s\",\"RW\":true},"
     "{\"Type\":\"bind\",\"Source\":\"/etc\",\"Destination\":\"/etc\",\"RW\":true},"
     "{\"Type\":\"bind\",\"Source\":\"/a\",\"Destination\":\"/b\",\"RW\":false,"
     "\"Propagation\":\"rshared\"}]}]",
     "apiVersion: v1\nkind: Pod\nspec:\n  hostPID: true\n  hostIPC: true\n  hostUsers: true\n"
     "  hostNetwork: true\n  volumes:\n  - {name: s, hostPath: {path: /var/run/docker.sock}}\n"
     "  - {name: e, hostPath: {path: /etc/}}\n  - {name: a, hostPath: {path: /a}}\n"
     "  containers:\n  - name: web\n    image: app\n    env: [{name: DB_PASSWORD, value: x}]\n"
     "    securityContext:\n      privileged: true\n      runAsUser: 0\n"
     "      capabilities: {add: [SYS_ADMIN]}\n"
     "    volumeMounts:\n    - {name: s, mountPath: /s}\n    - {name: e, mountPath: /etc}\n"
     "    - {name: a, mountPath: /b, readOnly: true, mountPropagation: Bidirectional}\n",
     "CP813 CP815 CP843 CP844 CP845 CP846 CP847"},
    {"--cap-drop ALL --security-opt no-new-privileges --read-only --init --user 1001 -m 256m "
     "--cpus "
     "1.5 --pids-limit 100 --network app --ulimit nofile=1024 -p 127.0.0.1:8080:80 -v data:/data "
     "-v /srv/c:/etc/app:ro --health-cmd true --restart on-failure:5 app:1.2.3",
     "services:\n  web:\n    image: app:1.2.3\n    cap_drop: [all]\n    security_opt: "
     "['no-new-privileges:true']\n    read_only: true\n    init: true\n    user: '1001'\n    "
     "deploy: "
     "{resources: {limits: {memory: 256m, cpus: '1.5', pids: 100}}}\n    networks: [app]\n"
     "    ulimits: {nofile: 1024}\n    ports: ['127.0.0.1:8080:80']\n    volumes: [data:/data, "
     "'/srv/c:/etc/app:ro']\n    healthcheck: {test: 'true'}\n    restart: on-failure:5\n",
     "[{\"Name\":\"/web\",\"Config\":{\"Image\":\"app:1.2.3\",\"User\":\"1001\",\"Healthcheck\":"
     "{\"Test\":[\"CMD-SHELL\",\"true\"]}},\"AppArmorProfile\":\"docker-default\",\"HostConfig\":"
     "{\"CapDrop\":[\"ALL\"],\"SecurityOpt\":[\"no-new-privileges\"],\"ReadonlyRootfs\":true,"
     "\"Init\":true,\"Memory\":268435456,\"NanoCpus\":1500000000,\"PidsLimit\":100,"
     "\"NetworkMode\":\"app\",\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024}],"
     "\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]},"
     "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":5},\"Binds\":"
     "[\"data:/data\",\"/srv/c:/etc/app:ro\"]}}]",
     "kind: Deployment\nspec:\n  template:\n    spec:\n      volumes:\n      - {name: c, hostPath: "
     "{path: /srv/c}}\n      securityContext: {runAsUser: 1001, seccompProfile: {type: "
     "RuntimeDefault}}\n      containers:\n      - name: web\n        image: app:1.2.3\n"
     "        livenessProbe: {exec: {command: ['true']}}\n        resources: {limits: {memory: "
     "256Mi, cpu: 1500m}}\n        securityContext: {allowPrivilegeEscalation: false, "
     "readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}\n        volumeMounts: [{name: c, "
     "mountPath: /etc/app, readOnly: true}]\n        ports: [{containerPort: 80, hostPort: 8080, "
     "hostIP: 127.0.0.1}]\n",
     ""},
    {"app:1.2.3", "services:\n  web:\n    image: app:1.2.3\n    network_mode: bridge\n",
     "{\"Config\":{\"Image\":\"app:1.2.3\",\"User\":\"1\",\"Healthcheck\":{\"Test\":[\"CMD\","
     "\"x\"]}},\"HostConfig\":{\"NetworkMode\":\"default\"}}",
     NULL, NULL},
    {"-p 80:80 -p 8080-8090:80-90 -p [::]:443:443 -P -v /:/h -v /srv/../root/.ssh:/k:ro "
     "--network x app:1.2.3",
     "services:\n  web:\n    image: app:1.2.3\n    networks: {x: }\n    ports:\n    - '80:80'\n"
     "    - 8080-8090:80-90\n    - {target: 443, published: 443, host_ip: '::'}\n"
     "    volumes: ['/:/h', '/srv/../root/.ssh:/k:ro']\n",
     "{\"Config\":{\"Image\":\"app:1.2.3\",\"User\":\"1\",\"Healthcheck\":{\"Test\":[\"CMD\","
     "\"x\"]}},\"HostConfig\":{\"NetworkMode\":\"x\",\"Binds\":[\"/:/h\",\"/root/.ssh:/k:ro\"],"
     "\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"80\"}],\"443/tcp\":"
     "[{\"HostIp\":\"::\",\"HostPort\":\"443\"}]}}}",
     NULL, "CP829"},
};

static void forms_say_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        RUN_LIST_AUTO(options);
        RUN_LIST_AUTO(compose);
        RUN_LIST_AUTO(inspect);
        RUN_LIST_AUTO(pod);
        STR_AUTO(want);
        STR_AUTO(got);
        const char *without = !forms[i].pod && forms[i].not_pod ? forms[i].not_pod : "";

        read_options(forms[i].options, NULL, &options);
        codes_of(&options, without, &want);
        read_text(forms[i].compose, &compose);
        codes_of(&compose, "", &got);
        assert_string_equal(got.at, want.at);
        str_clear(&got);
        read_text(forms[i].inspect, &inspect);
        codes_of(&inspect, "", &got);
        assert_string_equal(got.at, want.at);
        if (!forms[i].pod)
            continue;
        str_clear(&got);
        str_clear(&want);
        codes_of(&options, forms[i].not_pod, &want);
        read_text(forms[i].pod, &pod);
        codes_of(&pod, forms[i].not_pod, &got);
        assert_string_equal(got.at, want.at);
    }
}

/* ---- what stands where ---- */

static const struct {
    const char *text, *rule,
        *want; /* "line:column-line:column place" of its first finding; NULL: none */
} places[] = {
    {"services:\n  web:\n    image: a:1\n    privileged: true\n", "privileged",
     "4:17-4:21 services.web.privileged"},
    {"services:\n  web:\n    image: a:1\n", "rootfs-writable", "2:3-2:6 services.web"},
    {"services:\n  w: {image: \"ü\", pid: host}\n", "host-pid", "2:25-2:29 services.w.pid"},
    {"x: &x\n  pid: host\nservices:\n  w:\n    <<: *x\n", "host-pid", "2:8-2:12 services.w.pid"},
    {"x: &x\n  pid: host\nservices:\n  w:\n    pid: private\n    <<: *x\n", "host-pid", NULL},
    {"x: &x {pid: host}\ny: &y {pid: private}\nservices:\n  w:\n    <<: [*y, *x]\n", "host-pid",
     NULL},
    {"services:\n  a: {pid: host, cap_add: [BPF]}\n  b:\n    extends: a\n    cap_add: [CHOWN]\n"
     "    pid: private\n",
     "host-pid", "2:12-2:16 services.a.pid"},
    {"services:\n  b:\n    extends: {service: c}\n  c: {ports: ['22']}\n", "expose-ssh",
     "4:15-4:19 services.b.ports[0]"},
    {"services:\n  w:\n    privileged: ${P:-true}\n", "privileged",
     "3:17-3:27 services.w.privileged"},
    {"services:\n  w:\n    privileged: ${P}\n", "privileged", NULL},
    {"services:\n  w:\n    privileged: ${P-true}\n", "privileged",
     "3:17-3:26 services.w.privileged"},
    {"services:\n  w:\n    pid: ${P:?no-host}\n", "host-pid", NULL},
    {"services:\n  w:\n    pid: ${P:+no-host}\n", "host-pid", NULL},
    {"services:\n  w:\n    privileged: ${P?it-is-true}\n", "privileged", NULL},
    {"services:\n  w:\n    user: ${U:?a-root}\n", "runs-as-root", NULL},
    {"services:\n  w:\n    ports: ['${WEB_PORT:?no-port-given}:80']\n", "publish-all-interfaces",
     NULL},
    {"services:\n  w:\n    ports: ['8000-8010']\n", "publish-all-interfaces",
     "3:13-3:24 services.w.ports[0]"},
    {"services:\n  w:\n    image: app:${TAG}\n", "image-latest", NULL},
    {"services:\n  w:\n    image: app:${TAG:-latest}\n", "image-latest",
     "3:12-3:30 services.w.image"},
    {"services:\n  w:\n    build: .\n    image: app\n", "image-latest", NULL},
    {"services:\n  w:\n    privileged: !reset true\n", "privileged", NULL},
    {"services:\n  c: {extends: b, volumes: ['/srv:/y']}\n  b: {extends: z, volumes: !reset [x]}\n"
     "  z: {volumes: ['/etc:/x']}\n",
     "mount-sensitive", "4:17-4:26 services.z.volumes[0]"},
    {"services:\n  c: {extends: b, volumes: ['/srv:/z']}\n"
     "  b: {extends: z, volumes: !override ['/srv:/y']}\n  z: {volumes: ['/etc:/x']}\n",
     "mount-sensitive", "4:17-4:26 services.z.volumes[0]"},
    {"services:\n  b: {extends: z, volumes: ['/srv:/y']}\n  z: {volumes: ['/etc:/x']}\n",
     "mount-sensitive", "3:17-3:26 services.b.volumes[0]"},
    {"services:\n  b: {extends: z, volumes: ['/srv:/x/']}\n  z: {volumes: ['/etc:/x']}\n",
     "mount-sensitive", "3:17-3:26 services.z.volumes[0]"},
    {"services:\n  w:\n    use_api_socket: true\n", "mount-docker-socket",
     "3:21-3:25 services.w.use_api_socket"},
    {"services:\n  w:\n    user: ''\n", "runs-as-root", NULL},
    {"services:\n  w:\n    command: '\"/usr/sbin/sshd\" -D'\n", "expose-ssh",
     "3:14-3:35 services.w.command"},
    {"services:\n  w:\n    command: echo '/usr/sbin/sshd -D'\n", "expose-ssh", NULL},
    {"services:\n  w:\n    devices: [{source: /dev/sda}]\n", "host-device",
     "3:24-3:32 services.w.devices[0].source"},
    {"services:\n  w:\n    user: ${UID:-}\n", "runs-as-root", NULL},
    {"services:\n  w:\n    volumes: ['${D:-/etc}:/x']\n", "mount-sensitive",
     "3:15-3:30 services.w.volumes[0]"},
    {"services:\n  w:\n    environment:\n    - DB_PASSWORD=x\n", "secret-in-env",
     "4:7-4:20 services.w.environment[0]"},
    {"services:\n  w:\n    environment: {MYSQL_ALLOW_EMPTY_PASSWORD: \"yes\"}\n", "secret-in-env",
     NULL},
    {"services:\n  w:\n    volumes: ['e:/e']\nvolumes: {e: {driver_opts: {type: none, o: "
     "'bind,ro', "
     "device: /etc}}}\n",
     "mount-sensitive", "3:15-3:21 services.w.volumes[0]"},
    {"services:\n  w:\n    volumes: ['e:/e']\nvolumes: {e: {driver_opts: {type: nfs, device: "
     "':/etc'}}}\n",
     "mount-sensitive", NULL},
    {"kind: Service\n---\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: "
     "[{name: c, image: a}]}}}}}\n",
     "image-latest", "4:77-4:78 spec.jobTemplate.spec.template.spec.containers[0].image"},
    {"kind: List\nitems:\n- kind: Pod\n  spec:\n    initContainers: []\n    containers:\n"
     "    - securityContext: {privileged: true}\n",
     "privileged", "7:37-7:41 items[0].spec.containers[0].securityContext.privileged"},
    {"kind: Pod\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers: [{image: 'a:1'}]\n",
     "runs-as-root", NULL},
    {"kind: Pod\nspec:\n  containers: [{image: 'a:1'}]\n", "runs-as-root",
     "3:16-3:17 spec.containers[0]"},
    {"kind: Pod\nspec:\n  hostUsers: false\n  containers: [{image: 'a:1', securityContext: "
     "{runAsUser: 0}}]\n",
     "runs-as-root", NULL},
    {"kind: Pod\nmetadata:\n  annotations: {container.apparmor.security.beta.kubernetes.io/c: "
     "unconfined}\nspec:\n  containers: [{name: b, image: 'a:1'}, {name: c, image: 'a:1'}]\n",
     "apparmor-off",
     "3:67-3:77 metadata.annotations.container.apparmor.security.beta.kubernetes.io/c"},
    /* podman 5.4 with --cap-drop all, and with one that is kept; docker before the first start */
    {"[{\"Name\":\"a\",\"BoundingCaps\":null,\"HostConfig\":{\"CapDrop\":[\"CAP_CHOWN\",\"CAP_"
     "KILL\"]}}]",
     "cap-not-dropped", NULL},
    {"[{\"Name\":\"a\",\"BoundingCaps\":[\"CAP_SETUID\"],\"HostConfig\":{\"CapDrop\":[\"CAP_"
     "CHOWN\","
     "\"CAP_KILL\"]}}]",
     "cap-dangerous", "1:30-1:42 a.BoundingCaps[0]"},
    {"[{\"Name\":\"a\",\"BoundingCaps\":[\"CAP_A\",\"CAP_B\"],\"HostConfig\":{\"CapDrop\":[\"CAP_"
     "CHOWN\"]}}]",
     "cap-not-dropped", "1:2-1:3 a"},
    {"[{\"Name\":\"/"
     "a\",\"AppArmorProfile\":\"\",\"State\":{\"Status\":\"created\"},\"HostConfig\":{}}]",
     "apparmor-off", NULL},
    {"[{\"Name\":\"/"
     "a\",\"AppArmorProfile\":\"\",\"State\":{\"Status\":\"running\"},\"HostConfig\":{}}]",
     "apparmor-off", "1:33-1:35 a.AppArmorProfile"},
    {"[{\"AppArmorProfile\":\"\",\"ProcessLabel\":\"system_u:system_r:container_t:s0\","
     "\"HostConfig\":{}}]",
     "apparmor-off", NULL},
    {"{\"ociVersion\":\"1.0.2\",\"process\":{\"user\":{\"uid\":0}},\"linux\":{\"namespaces\":"
     "[{\"type\":\"pid\"}]}}",
     "host-network", "1:61-1:73 linux.namespaces"},
    {"{\"ociVersion\":\"1.0.2\",\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}", "host-pid",
     NULL},
    {"{\"ociVersion\":\"1.0.2\",\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}}}",
     "cap-dangerous", "1:62-1:77 process.capabilities.bounding[0]"},
    {"{\"ociVersion\":\"1.0.2\",\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/1/ns/"
     "pid\"}]}}",
     "host-pid", "1:46-1:47 linux.namespaces[0]"},
    {"{\"ociVersion\":\"1.0.2\",\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/run/"
     "x\"}]}}",
     "host-pid", NULL},
    {"{\"ociVersion\":\"1.0.2\",\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":"
     "\"rwm\"},{\"allow\":true,\"access\":\"rwm\"}]}}}",
     "host-device", "1:87-1:88 linux.resources.devices[1]"},
    {"{\"ociVersion\":\"1.0.2\",\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":"
     "\"a\","
     "\"major\":-1}]}}}",
     "host-device", "1:56-1:57 linux.resources.devices[0]"},
    {"{\"ociVersion\":\"1.0.2\",\"linux\":{\"resources\":{\"devices\":[{\"allow\":true},{\"allow\":"
     "false},{\"allow\":true,\"type\":\"c\",\"access\":\"m\"},{\"allow\":true,\"type\":\"c\","
     "\"major\":"
     "136,\"access\":\"rwm\"}]}}}",
     "host-device", NULL},
    {"kind: Pod\nspec:\n  containers: [{volumeDevices: [{name: d, devicePath: /dev/xvda}]}]\n",
     "host-device", "3:55-3:64 spec.containers[0].volumeDevices[0].devicePath"},
    {"kind: Pod\nspec:\n  securityContext: {windowsOptions: {hostProcess: true}}\n"
     "  containers: [{image: a}]\n",
     "privileged", "3:51-3:55 spec.securityContext.windowsOptions.hostProcess"},
    {"kind: Pod\nspec:\n  volumes: [{name: v, hostPath: {path: /var}}]\n  containers:\n"
     "  - volumeMounts: [{name: v, mountPath: /s, subPath: run/docker.sock}]\n",
     "mount-docker-socket", "3:40-3:44 spec.volumes[0].hostPath.path"},
    {"kind: List\nitems:\n- kind: List\n  items:\n  - kind: Pod\n    spec: {hostPID: true, "
     "containers: [{image: a}]}\n",
     "host-pid", "6:21-6:25 items[0].items[0].spec.hostPID"},
    {"kind: Pod\nspec:\n  os: {name: windows}\n  containers: [{image: a}]\n", "cap-not-dropped",
     NULL},
    {"kind: Pod\nspec:\n  nodeSelector: {kubernetes.io/os: windows}\n  containers:\n"
     "  - {image: a, securityContext: {windowsOptions: {hostProcess: true}}}\n",
     "privileged", "5:64-5:68 spec.containers[0].securityContext.windowsOptions.hostProcess"},
    {"kind: Pod\nspec:\n  resources: {limits: {memory: 1Gi}}\n  containers: [{image: a}]\n",
     "no-memory-limit", NULL},
    {"[{\"Spec\":{\"Name\":\"s\",\"TaskTemplate\":{\"ContainerSpec\":{\"Privileges\":"
     "{\"Seccomp\":{\"Mode\":\"unconfined\"}}}}}}]",
     "seccomp-off", "1:87-1:99 s.Spec.TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode"},
    {"{\"Spec\":{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":"
     "\"/var/run/docker.sock\"}]},\"Resources\":{\"Limits\":{\"MemoryBytes\":1}}}}}",
     "mount-docker-socket", "1:53-1:54 Spec.TaskTemplate.ContainerSpec.Mounts[0]"},
    {"{\"Spec\":{\"TaskTemplate\":{\"ContainerSpec\":{}},\"EndpointSpec\":{\"Ports\":[{"
     "\"TargetPort\":80,\"PublishedPort\":80}]}}}",
     "publish-low-port", "1:71-1:72 Spec.EndpointSpec.Ports[0]"},
    {"{\"ociVersion\":\"1.0.2\"}", "seccomp-off", "1:1-1:2 "},
};

static void findings_have_their_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        CLEANUP(lint_report_done) struct lint_report report = {0};
        RUN_LIST_AUTO(list);
        const struct lint_row *row = lint_row_find(view_of(places[i].rule));
        STR_AUTO(got);

        assert_non_null(row);
        read_text(places[i].text, &list);
        judge(&list, &report);
        vec_each (f, &report)
            if (f->row == row && got.size == 0)
                str_printf(&got, "%u:%u-%u:%u %s", f->span.line, f->span.column, f->span.end_line,
                           f->span.end_column, f->place);
        if (strcmp(got.at, places[i].want ? places[i].want : "") != 0)
            fail_msg("'%s' is not '%s':\n%s", got.at, places[i].want ? places[i].want : "none",
                     places[i].text);
    }
}

/* ---- what is refused ---- */

static const struct {
    const char *text;
    int want;
    const char *where; /* NULL: any */
} refused[] = {
    {"", -EINVAL, NULL},
    {"---\n", -EINVAL, NULL},
    {"a: b\n", -EINVAL, NULL},
    {"- a\n", -EINVAL, NULL},
    {"just words\n", -EINVAL, NULL},
    {"services: [a]\n", -EINVAL, NULL},
    {"services:\n  w: x\n", -EINVAL, NULL},
    {"services:\n  w: {a: *b}\n", -EINVAL, "file:2:10"},
    {"services: &a\n  w: *a\n", -EINVAL, "file:2:6"},
    {"services:\n  w: {\n", -EINVAL, NULL},
    {"services:\n  a: {extends: b}\n  b: {extends: a}\n", -ELOOP, NULL},
    {"services:\n  a: {extends: x}\n", -EINVAL, NULL},
    {"services:\n  a: {ports: ['99999:1']}\n", -EINVAL, NULL},
    {"services:\n  a: {ports: ['x']}\n", -EINVAL, NULL},
    {"{\"HostConfig\":", -EINVAL, NULL},
    {"[1]", -EINVAL, NULL},
    {"{\"HostConfig\":{\"PortBindings\":{\"x\":[{}]}}}", -EINVAL, NULL},
};

static void others_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        RUN_LIST_AUTO(list);
        ERROR_AUTO(e);
        const int r = runconfig_parse(view_of(refused[i].text), "file", &list, &e);

        if (r != refused[i].want)
            fail_msg("%d, not %d: %s", r, refused[i].want, refused[i].text);
        assert_non_null(e.text);
        if (refused[i].where)
            assert_string_equal(e.where ? e.where : "", refused[i].where);
    }
}

/* Each of many values below a long key: its path is not copied each time. */
static void long_keys_are_cut(void **state)
{
    RUN_LIST_AUTO(json);
    RUN_LIST_AUTO(aliases);
    STR_AUTO(text);

    (void)state;
    str_add_text(&text, "{\"services\":{\"");
    for (unsigned i = 0; i < 300000; i++)
        str_add_char(&text, 'k');
    str_add_text(&text, "\":{\"environment\":[\"A=1\"");
    for (unsigned i = 0; i < 50000; i++)
        str_add_text(&text, ",\"A=1\"");
    str_add_text(&text, "]}}}");
    const int r = runconfig_parse(str_view(&text), "file", &json, NULL);
    assert_true(r == 0 || r == -EDQUOT);
    vec_each (f, &json.runs)
        vec_each (e, &(*f)->env)
            assert_true(strlen(e->at.path) < 1200);
    str_clear(&text);
    str_add_text(&text, "x: &a ");
    for (unsigned i = 0; i < 300000; i++)
        str_add_char(&text, 'v');
    str_add_text(&text, "\nservices: {w: {environment: [");
    for (unsigned i = 0; i < 50000; i++)
        str_add_text(&text, "*a,");
    str_add_text(&text, "]}}\n");
    assert_int_equal(runconfig_parse(str_view(&text), "file", &aliases, NULL), -EDQUOT);
}

/* Each of them looks for its end through what follows; the texts are as many as aliases make. */
static void variables_without_an_end(void **state)
{
    RUN_LIST_AUTO(list);
    STR_AUTO(text);

    (void)state;
    str_add_text(&text, "x: &a '");
    for (unsigned i = 0; i < 20000; i++)
        str_add_text(&text, "${A");
    str_add_text(&text, "'\nservices: {w: {cap_add: [");
    for (unsigned i = 0; i < 1000; i++)
        str_add_text(&text, "*a,");
    str_add_text(&text, "]}}\n");
    assert_int_equal(runconfig_parse(str_view(&text), "file", &list, NULL), -EDQUOT);
}

/* Nine levels of nine aliases each, and lists that extends makes long. */
static void bombs_are_refused(void **state)
{
    RUN_LIST_AUTO(list);
    RUN_LIST_AUTO(more);
    RUN_LIST_AUTO(deep);
    RUN_LIST_AUTO(chain);
    STR_AUTO(text);

    (void)state;
    str_add_text(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (unsigned i = 1; i < 9; i++) {
        str_printf(&text, "a%u: &a%u [", i, i);
        for (unsigned k = 0; k < 9; k++)
            str_printf(&text, "%s*a%u", k ? "," : "", i - 1);
        str_add_text(&text, "]\n");
    }
    str_add_text(&text, "services: {w: {volumes: *a8}}\n");
    assert_int_equal(runconfig_parse(str_view(&text), "file", &list, NULL), -EDQUOT);
    str_clear(&text);
    str_add_text(&text, "services:\n  a:\n    volumes: [");
    for (unsigned i = 0; i < 2000; i++)
        str_add_text(&text, "x:/y,");
    str_add_text(&text, "]\n");
    for (unsigned i = 0; i < 4000; i++)
        str_printf(&text, "  s%u: {extends: a, volumes: [z:/z]}\n", i);
    assert_int_equal(runconfig_parse(str_view(&text), "file", &more, NULL), -EDQUOT);
    str_clear(&text);
    str_add_text(&text, "a0: &a0 [x]\n"); /* as deep as that, in one line each */
    for (unsigned i = 1; i < 40; i++)
        str_printf(&text, "a%u: &a%u [*a%u]\n", i, i, i - 1);
    str_add_text(&text, "services: {}\n");
    assert_int_equal(runconfig_parse(str_view(&text), "file", &chain, NULL), -EDQUOT);
    str_clear(&text);
    for (unsigned i = 0; i < 100000; i++)
        str_add_char(&text, '[');
    assert_true(runconfig_parse(str_view(&text), "file", &deep, NULL) < 0);
}

UNIT_MAIN(cmocka_unit_test(every_example_holds), cmocka_unit_test(cases_of_the_table_hold),
          cmocka_unit_test(words_are_understood), cmocka_unit_test(forms_say_the_same),
          cmocka_unit_test(findings_have_their_places), cmocka_unit_test(others_are_refused),
          cmocka_unit_test(variables_without_an_end), cmocka_unit_test(bombs_are_refused),
          cmocka_unit_test(long_keys_are_cut))
