/* test_audit_host.c - whole hosts in a scratch directory: which checks fail, do not apply, or cannot be decided. */
#include "host_fixture.h"

#define NONE "-H unix:///run/docker.sock"
#define SERVICE(line) "[Service]\n" line "\n"
#define DOCKERD(options) SERVICE("User=containers\nExecStart=/usr/bin/dockerd " options)

/* fails, skipped, unknown: benchmark numbers beside those of the good host, which has none. */
static const struct {
    const char *name;
    struct step steps[6];
    const char *fails, *skipped, *unknown;
} cases[] = {
    {"as it is", {{0}}, "", "", ""},
    /* 1.1.1 */
    {"no file system of its own", {{"/proc/mounts", "/dev/sda1 / ext4 rw 0 0\n"}}, "1.1.1", "", ""},
    {"another data-root",
     {{JSON, "{\"data-root\": \"/srv/d\"}"}, {"/srv/d", DIRECTORY}},
     "1.1.1 1.1.5 2.2 2.8 2.12 2.13 2.14 2.15 2.16",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     ""},
    {"no mounts, fstab",
     {{"/proc/mounts", GONE}, {"/etc/fstab", "UUID=1 /var/lib/docker ext4\n"}},
     "",
     "",
     ""},
    {"neither", {{"/proc/mounts", GONE}}, "", "", "1.1.1"},
    {"an escaped name", {{"/proc/mounts", "a /var/lib/d\\157cker x\n"}}, "", "", ""},
    {"behind a link",
     {{"/var/lib/docker", GONE},
      {"/srv/d", DIRECTORY},
      {"/var/lib/docker", LINK("/srv/d")},
      {"/proc/mounts", "a /srv/d x\n"}},
     "",
     "",
     ""},
    /* 1.2.1 */
    {"addresses that do not change",
     {{"/proc/sys/kernel/randomize_va_space", "1\n"}},
     "1.2.1",
     "",
     ""},
    {"too much", {{"/proc/sys/kernel/sysrq", "511\n"}}, "1.2.1", "", ""},
    {"a kernel without it", {{"/proc/sys/kernel/sysrq", GONE}}, "", "", ""},
    {"no number", {{"/proc/sys/kernel/sysrq", "x\n"}}, "", "", ""},
    {"no kernel", {{"/proc/sys", GONE}}, "", "", "1.2.1"},
    /* 1.1.2 */
    {"a member", {{"/etc/group", "docker:x:998:joe,root\n"}}, "1.1.2", "", ""},
    {"own group", {{"/etc/passwd", "joe:x:1000:998::/:/bin/sh\n"}}, "1.1.2", "", ""},
    {"no group", {{"/etc/group", "root:x:0:\n"}}, "3.15", "", ""},
    {"another group",
     {{UNIT, DOCKERD("--group=joe " NONE)}, {"/etc/group", "docker:x:998:\njoe:x:1000:x\n"}},
     "1.1.2 3.15",
     "",
     ""},
    {"the group of the socket unit",
     {{SOCKET, "[Socket]\nListenStream=/run/docker.sock\nSocketGroup=joe\n"},
      {"/run/docker.sock", OWNER("0", "1000")}},
     "1.1.2",
     "",
     ""},
    {"no accounts", {{"/etc/passwd", GONE}, {"/etc/group", GONE}}, "3.15", "", "1.1.2"},
    /* 1.1.3 to 1.1.18 */
    {"no rules",
     {{RULES, "-b 8192\n"}},
     "1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13 1.1.14 1.1.15 1.1.16 "
     "1.1.17 1.1.18",
     "",
     "5.23 5.24"},
    {"no auditd",
     {{"/usr/sbin/auditctl", GONE}},
     "1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13 1.1.14 1.1.15 1.1.16 "
     "1.1.17 1.1.18",
     "",
     "5.23 5.24"},
    {"never,task switches all off",
     {{"/etc/audit/rules.d/10-off.rules", "-a never,task\n"}},
     "1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13 1.1.14 1.1.15 1.1.16 "
     "1.1.17 1.1.18",
     "",
     "5.23 5.24"},
    {"one tree of all", {{RULES, "-w / -p wxa\n"}}, "", "", ""},
    {"reading is no change",
     {{RULES, "-w / -p r\n"}},
     "1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13 1.1.14 1.1.15 1.1.16 "
     "1.1.17 1.1.18",
     "",
     "5.23 5.24"},
    {"execution is enough for programs",
     {{RULES, "-a always,exit -F arch=b64 -S execve -k x\n"}},
     "1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13",
     "",
     ""},
    {"path= is no tree",
     {{RULES, "-w /usr -p wax\n-w /run\n-w /var\n-a exit,always -F path=/etc -F perm=wa\n"}},
     "1.1.6 1.1.10 1.1.11 1.1.12 1.1.13",
     "",
     ""},
    {"dir= is",
     {{RULES, "-w /usr -p wax\n-w /run\n-w /var\n-a exit,always -F dir=/etc -F perm=wa\n"}},
     "",
     "",
     ""},
    {"a name that begins alike",
     {{RULES, "-w / -p x\n-w /etc/dock\n-w /usr\n-w /run\n-w /var\n"}},
     "1.1.6 1.1.10 1.1.11 1.1.12 1.1.13",
     "",
     ""},
    {"through a link of directories",
     {{"/var/run", LINK("/run")},
      {RULES, "-w /var/run -p wa\n-w /usr -p wax\n-w /etc\n-w /var/lib\n"}},
     "",
     "",
     ""},
    {"audit.rules alone",
     {{RULES, GONE}, {"/etc/audit/audit.rules", "-D\n-w / -p wax\n"}},
     "",
     "",
     ""},
    {"-D takes back what stands before it",
     {{RULES, GONE}, {"/etc/audit/audit.rules", "-w /etc\n-D\n-w /usr\n-w /run\n-w /var\n"}},
     "1.1.6 1.1.10 1.1.11 1.1.12 1.1.13",
     "",
     ""},
    {"-W takes one back",
     {{RULES, GONE}, {"/etc/audit/audit.rules", "-w / -p wax\n-W /\n-w /usr\n-w /run\n-w /var\n"}},
     "1.1.6 1.1.10 1.1.11 1.1.12 1.1.13",
     "",
     ""},
    {"audit.rules is made anew from rules.d",
     {{RULES, "-w /usr\n-w /run\n-w /var\n"}, {"/etc/audit/audit.rules", "-w /etc\n"}},
     "1.1.6 1.1.10 1.1.11 1.1.12 1.1.13",
     "",
     ""},
    {"-D in rules.d stands before all", {{"/etc/audit/rules.d/zz.rules", "-D\n"}}, "", "", ""},
    {"what is written anew is there all the same",
     {{"/etc/audit/audit.rules", "-w / -p wxa\n"}},
     "",
     "",
     ""},
    {"rules that nobody can read",
     {{RULES, FIFO}},
     "",
     "",
     "1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13 1.1.14 1.1.15 1.1.16 "
     "1.1.17 1.1.18 5.23 5.24"},
    {"rules without end",
     {{RULES, HUGE}},
     "",
     "",
     "1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.12 1.1.13 1.1.14 1.1.15 1.1.16 "
     "1.1.17 1.1.18 5.23 5.24"},
    {"programs in sbin",
     {{"/usr/bin/runc", GONE}, {"/usr/sbin/runc", "ELF"}, {"/usr/bin/containerd-shim", GONE}},
     "1.1.18",
     "1.1.15",
     ""},
    {"nothing of containerd",
     {{"/usr/bin/containerd", GONE}, {"/run/containerd", GONE}, {"/etc/containerd", GONE}},
     "",
     "1.1.4 1.1.8 1.1.12 1.1.14 3.23 3.24",
     ""},
    /* 1.2.2 */
    {"an old program", {{"/usr/bin/dockerd", OLD}}, "1.2.2", "", ""},
    {"no program", {{"/usr/bin/dockerd", GONE}}, "", "1.1.3", "1.2.2"},
    /* 2 */
    {"of root", {{UNIT, SERVICE("ExecStart=/usr/bin/dockerd")}}, "2.1", "", ""},
    {"a file of nothing",
     {{JSON, "{}"}},
     "2.2 2.8 2.12 2.13 2.14 2.15 2.16",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     ""},
    {"an empty file",
     {{JSON, " \n"}},
     "2.2 2.8 2.12 2.13 2.14 2.15 2.16",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     ""},
    {"no file",
     {{JSON, GONE}},
     "2.2 2.8 2.12 2.13 2.14 2.15 2.16",
     "1.1.11 3.9 3.10 3.11 3.12 3.13 3.14 3.17 3.18",
     ""},
    {"no remapping, as root",
     {{JSON, "{}"}, {UNIT, SERVICE("ExecStart=/usr/bin/dockerd")}},
     "2.1 2.2 2.8 2.9 2.12 2.13 2.14 2.15 2.16",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     ""},
    {"the command line counts first", {{UNIT, DOCKERD("--icc")}}, "2.2", "", ""},
    {"=false", {{UNIT, DOCKERD("--live-restore=false --iptables=0")}}, "2.4 2.15", "", ""},
    {"=true", {{UNIT, DOCKERD("--icc=T --icc=False --experimental=true")}}, "2.18", "", ""},
    {"neither true nor false", {{UNIT, DOCKERD("--icc=maybe")}}, "", "", ""},
    {"a key of another section",
     {{UNIT, "[Unit]\nExecStart=/usr/bin/dockerd --icc\nUser=root\n[Service]\nUser=x\n"
             "ExecStart=/usr/bin/dockerd -H fd://\n[Socket]\nExecStart=/usr/bin/dockerd -D\n"}},
     "",
     "",
     ""},
    {"a word and its value",
     {{UNIT, DOCKERD("--log-level debug --storage-driver aufs")}},
     "2.3 2.6",
     "",
     ""},
    {"joined", {{UNIT, DOCKERD("--log-level=debug -s=aufs")}}, "2.3 2.6", "", ""},
    {"letters", {{UNIT, DOCKERD("-Dl warn -saufs")}}, "2.3 2.6", "", ""},
    {"-D", {{UNIT, DOCKERD("-D")}}, "2.3", "", ""},
    {"debug in the file",
     {{JSON, "{\"debug\": true, \"log-level\": \"info\"}"}},
     "2.2 2.3 2.8 2.12 2.13 2.14 2.15 2.16",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     ""},
    {"insecure", {{UNIT, DOCKERD("--insecure-registry 10.0.0.0/8")}}, "2.5", "", ""},
    {"insecure for loopback",
     {{UNIT, DOCKERD("--insecure-registry=localhost:5000 --insecure-registry 127.0.0.1:1 "
                     "--insecure-registry [::1]:5")}},
     "",
     "",
     ""},
    {"insecure for podman",
     {{"/etc/containers/registries.conf",
       "[[registry]]\nlocation = \"localhost:5000\"\ninsecure = true\n"},
      {"/etc/containers/registries.conf.d/x.conf",
       "[[registry]]\nprefix = \"r.example\"\n[[registry.mirror]]\nlocation = \"m.example\"\n"
       "insecure = true\n"}},
     "2.5",
     "",
     ""},
    {"insecure as it was said once",
     {{"/etc/containers/registries.conf", "[registries.insecure]\nregistries = ['r.example']\n"}},
     "2.5",
     "",
     ""},
    {"registries that are as they should be",
     {{"/etc/containers/registries.conf",
       "[[registry]]\nlocation = \"r.example\"\ninsecure = false\n"}},
     "",
     "",
     ""},
    {"registries that nobody can read",
     {{"/etc/containers/registries.conf", "[[registry\n"}},
     "",
     "",
     "2.5"},
    {"aufs by its images", {{"/var/lib/docker/image/aufs", DIRECTORY}}, "2.6", "", ""},
    {"aufs that was",
     {{"/var/lib/docker/image/aufs", DIRECTORY}, {UNIT, DOCKERD("-s overlay2")}},
     "",
     "",
     ""},
    {"tcp with certificates", {{UNIT, DOCKERD("-H tcp://0.0.0.0:2376")}}, "", "", ""},
    {"tcp without", {{UNIT, DOCKERD("-H tcp://0.0.0.0:2375 --tlsverify=false")}}, "2.7", "", ""},
    {"-H joined", {{UNIT, DOCKERD("-Htcp://:2375 --tlsverify=false")}}, "2.7", "", ""},
    {"-H=", {{UNIT, DOCKERD("-H=127.0.0.1:2375 --tlsverify=false")}}, "2.7", "", ""},
    {"--host and one more",
     {{UNIT, DOCKERD("--host unix:///run/docker.sock --host=tcp://a:1 "
                     "--tlsverify=0")}},
     "2.7",
     "",
     ""},
    {"the socket unit listens to a port",
     {{SOCKET, "[Socket]\nListenStream=/run/docker.sock\nListenStream=2375\n"},
      {UNIT, DOCKERD("-H fd:// --tlsverify=false")}},
     "2.7",
     "",
     ""},
    {"and the daemon does not take it",
     {{SOCKET, "[Socket]\nListenStream=/run/docker.sock\nListenStream=2375\n"},
      {UNIT, DOCKERD(NONE " --tlsverify=false")}},
     "",
     "",
     ""},
    {"ulimits by option",
     {{UNIT, DOCKERD("--default-ulimit nofile=1:2")},
      {JSON, "{\"icc\": false, \"no-new-privileges\": true}"}},
     "2.12 2.13 2.15 2.16",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     ""},
    {"a cgroup of its own", {{UNIT, DOCKERD("--cgroup-parent /x")}}, "2.10", "", ""},
    {"the usual cgroups", {{UNIT, DOCKERD("--cgroup-parent=system.slice")}}, "", "", ""},
    {"a base size",
     {{UNIT, DOCKERD("--storage-opt dm.fs=xfs --storage-opt dm.basesize=20G")}},
     "2.11",
     "",
     ""},
    {"logs stay", {{UNIT, DOCKERD("--log-driver local")}}, "2.13", "", ""},
    {"no filter", {{UNIT, DOCKERD("--seccomp-profile=unconfined")}}, "2.17", "", ""},
    {"a swarm",
     {{"/var/lib/docker/swarm/docker-state.json", "{}"}, {UNIT, DOCKERD("--live-restore=false")}},
     "5.1",
     "2.15",
     ""},
    {"another file",
     {{UNIT, DOCKERD("--config-file /srv/d.json")},
      {"/srv/d.json", GOOD_JSON},
      {"/srv/d.json", MODE("666")}},
     "1.1.11 3.18",
     "",
     ""},
    {"a daemon that runs",
     {{"/proc/77/comm", "dockerd\n"},
      {"/proc/77/status", "Uid:\t0\t0\t0\t0\n"},
      {"/proc/77/cmdline", "/usr/bin/dockerd"}},
     "2.1",
     "",
     ""},
    {"a rootless daemon has files of its own",
     {{"/proc/77/comm", "dockerd\n"},
      {"/proc/77/status", "Uid:\t1000\t1000\t1000\t1000\n"},
      {"/proc/77/cmdline", "dockerd"},
      {"/home/joe/.config/docker/daemon.json", GOOD_JSON},
      {"/home/joe/.config/docker/daemon.json", OWNER("1000", "1000")},
      {"/run/user/1000/docker.sock", SOCK}},
     "1.1.1 1.1.11",
     "1.1.5",
     ""},
    {"and nothing of root's",
     {{"/proc/77/comm", "dockerd\n"},
      {"/proc/77/status", "Uid:\t1000\t1000\t1000\t1000\n"},
      {"/proc/77/cmdline", "dockerd"},
      {"/home/joe/.config/docker/daemon.json", "{\"icc\": true, \"tlsverify\": true}"},
      {"/home/joe/.docker/key.pem", "k"},
      {"/home/joe/.local/share/docker/swarm/docker-state.json", "{}"}},
     "1.1.1 1.1.5 1.1.11 2.2 2.8 2.12 2.13 2.14 2.16 3.14 5.1",
     "2.15 3.9 3.10 3.11 3.12",
     ""},
    {"the one of root before those of users",
     {{"/proc/76", LINK("78")},
      {"/proc/77/comm", "dockerd\n"},
      {"/proc/77/status", "Uid:\t0\t0\t0\t0\n"},
      {"/proc/77/cmdline", "/usr/bin/dockerd"},
      {"/proc/78/comm", "dockerd\n"},
      {"/proc/78/status", "Uid:\t1000\t1000\t1000\t1000\n"}},
     "2.1",
     "",
     ""},
    {"one in a container",
     {{"/proc/77/comm", "dockerd\n"},
      {"/proc/77/status", "Uid:\t0\t0\t0\t0\nNSpid:\t77\t1\n"},
      {"/proc/77/cmdline", "/usr/bin/dockerd"}},
     "",
     "",
     ""},
    {"a process that ends",
     {{"/proc/77/comm", "dockerd\n"}, {"/proc/x", DIRECTORY}, {"/proc/78", LINK("/nowhere")}},
     "",
     "",
     ""},
    {"a drop-in",
     {{"/etc/systemd/system/docker.service.d/x.conf",
       SERVICE("ExecStart=\nExecStart=/usr/bin/dockerd --icc=true")}},
     "2.2",
     "",
     ""},
    {"a drop-in that another one replaces",
     {{"/usr/lib/systemd/system/docker.service.d/x.conf", SERVICE("User=root")},
      {"/etc/systemd/system/docker.service.d/x.conf", "# nothing\n"}},
     "",
     "",
     ""},
    {"the unit of /etc before that of /usr",
     {{"/etc/systemd/system/docker.service", SERVICE("ExecStart=/usr/bin/dockerd --icc")}},
     "1.1.7 2.1 2.2",
     "",
     ""},
    {"a masked unit",
     {{"/etc/systemd/system/docker.service", LINK("/dev/null")}, {"/dev/null", ""}},
     "",
     "1.1.7 3.1 3.2",
     "2.1"},
    {"options in a file",
     {{UNIT, DOCKERD("$DOCKER_OPTS") "EnvironmentFile=-/etc/default/docker\n"},
      {"/etc/default/docker", "# x\nDOCKER_OPTS=\"--icc -D\"\n"}},
     "2.2 2.3",
     "",
     ""},
    {"options in the unit",
     {{UNIT, DOCKERD("--log-level=${L}") "Environment=\"L=debug\" M=1\n"}},
     "2.3",
     "",
     ""},
    {"a script of init",
     {{UNIT, GONE},
      {"/etc/init.d/docker", "#!/bin/sh\n"},
      {"/etc/default/docker", "DOCKER_OPTS=-D\n"}},
     "2.3",
     "1.1.7 3.1 3.2",
     "2.1"},
    {"a default file that no unit names",
     {{"/etc/default/docker", "DOCKER_OPTS=-D\n"}},
     "",
     "",
     ""},
    /* a file that nobody can believe */
    {"no JSON",
     {{JSON, "{\"icc\": false"}},
     "",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "2.2 2.3 2.4 2.5 2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18"},
    {"twice",
     {{JSON, "{\"icc\": false, \"icc\": true}"}},
     "",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "2.2 2.3 2.4 2.5 2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18"},
    {"another type, and a word of the command line",
     {{JSON, "{\"icc\": \"false\"}"}, {UNIT, DOCKERD("--icc=false -H tcp://x:1")}},
     "",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18"},
    {"a FIFO",
     {{JSON, FIFO}, {JSON, MODE("600")}},
     "",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "2.2 2.3 2.4 2.5 2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18"},
    {"a huge one",
     {{JSON, HUGE}},
     "",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "2.2 2.3 2.4 2.5 2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18"},
    {"a loop",
     {{JSON, LINK("daemon.json")}},
     "",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "1.1.11 2.2 2.3 2.4 2.5 2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18 3.17 "
     "3.18"},
    {"a link out of the root",
     {{JSON, LINK("/../../../etc/passwd")}},
     "1.1.11",
     "3.9 3.10 3.11 3.12 3.13 3.14",
     "2.2 2.3 2.4 2.5 2.6 2.8 2.9 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18"},
    /* 3 */
    {"stricter is as good",
     {{UNIT, MODE("400")},
      {JSON, MODE("600")},
      {"/run/docker.sock", MODE("600")},
      {"/run/docker.sock", OWNER("0", "0")},
      {"/etc/docker", MODE("700")},
      {"/etc/docker/key.pem", MODE("0")}},
     "",
     "",
     ""},
    {"a smaller number is not stricter",
     {{JSON, MODE("466")}, {UNIT, MODE("577")}},
     "3.2 3.18",
     "",
     ""},
    {"execution", {{"/etc/default/docker", MODE("744")}}, "3.22", "", ""},
    {"a drop-in that all may write",
     {{"/etc/systemd/system/docker.service.d/x.conf", "#\n"},
      {"/etc/systemd/system/docker.service.d/x.conf", MODE("666")}},
     "3.2",
     "",
     ""},
    {"an owner of the group alone", {{"/etc/docker", OWNER("0", "1000")}}, "3.5", "", ""},
    {"an owner", {{"/etc/docker/key.pem", OWNER("1000", "0")}}, "3.13", "", ""},
    {"a registry's key",
     {{"/etc/docker/certs.d/r.example:5000/client.key", "k"},
      {"/etc/docker/certs.d/r.example:5000/client.key", MODE("444")}},
     "3.8",
     "",
     ""},
    {"a registry's certificate",
     {{"/etc/docker/certs.d/r.example:5000/client.cert", "k"},
      {"/etc/docker/certs.d/r.example:5000/client.cert", OWNER("1000", "1000")}},
     "3.7 3.8",
     "",
     ""},
    {"no registry", {{"/etc/docker/certs.d", GONE}}, "", "3.7 3.8", ""},
    {"a socket elsewhere",
     {{UNIT, DOCKERD("-H unix:///srv/d.sock")},
      {SOCKET, GONE},
      {"/srv/d.sock", SOCK},
      {"/srv/d.sock", MODE("777")}},
     "3.16",
     "1.1.9 3.3 3.4",
     ""},
    {"podman's socket",
     {{"/run/podman/podman.sock", SOCK}, {"/run/podman/podman.sock", MODE("666")}},
     "3.16",
     "",
     ""},
    {"containerd's socket", {{"/run/containerd/containerd.sock", MODE("661")}}, "3.24", "", ""},
    {"files that TLS has when nobody says",
     {{JSON, "{\"tlsverify\": true}"}, {"/root/.docker/key.pem", "k"}},
     "2.2 2.8 2.12 2.13 2.14 2.15 2.16 3.14",
     "3.9 3.10 3.11 3.12",
     ""},
    /* 5 */
    {"exec with privileges",
     {{LOG, "type=EXECVE msg=audit(1.2:3): argc=5 a0=\"/usr/bin/docker\" a1=\"--context\" a2=\"x\" "
            "a3=\"container\" a4=\"exec\" a5=\"-it\" a6=\"--privileged\" a7=\"web\"\n"}},
     "5.23",
     "",
     ""},
    {"exec as root",
     {{LOG ".1", "type=EXECVE msg=audit(1.2:3): argc=5 a0=\"podman\" a1=\"exec\" "
                 "a2=\"-itu0:0\" a3=\"web\"\n"}},
     "5.24",
     "",
     ""},
    {"both",
     {{LOG, "type=EXECVE msg=audit(1.2:3): argc=5 a0=\"docker\" a1=\"exec\" "
            "a2=\"--user=root\" a3=\"--privileged\" a4=\"web\" a5=\"sh\"\n"}},
     "5.23 5.24",
     "",
     ""},
    {"what the program behind it is told",
     {{LOG, "type=EXECVE msg=audit(1.2:3): argc=5 a0=\"docker\" a1=\"exec\" a2=\"-e\" "
            "a3=\"-u\" a4=\"web\" a5=\"su\" a6=\"-u\" a7=\"root\" a8=\"--privileged\"\n"}},
     "",
     "",
     ""},
    {"a user in other letters",
     {{LOG, "type=EXECVE msg=audit(1.2:3): argc=5 a0=\"docker\" a1=\"exec\" a2=\"-wu0\" "
            "a3=\"web\"\n"}},
     "",
     "",
     ""},
    {"hexadecimal",
     {{LOG, "type=EXECVE msg=audit(1.2:3): argc=5 a0=646F636B6572 a1=65786563 "
            "a2=2D2D757365723D726F6F74 a3=\"web\"\n"}},
     "5.24",
     "",
     ""},
    {"no log", {{LOG, GONE}}, "", "", "5.23 5.24"},
    {"a log elsewhere",
     {{LOG, GONE},
      {"/etc/audit/auditd.conf", "log_file = /srv/a.log\n"},
      {"/srv/a.log", "type=EXECVE msg=audit(1.2:3): a0=\"docker\" a1=\"exec\" "
                     "a2=\"-uroot\"\n"}},
     "5.24",
     "",
     ""},
    {"no client", {{"/usr/bin/docker", GONE}}, "", "5.23 5.24", ""},
};

#define ALL_CHECKS 65

/* DB-1.1.1 ... of a row, without the letters. */
static const char *number_of(const struct lint_row *row)
{
    return (row->aliases[0] ? row->aliases[0] : row->aliases[1]) + 3;
}

static bool is_named(const char *list, const char *number)
{
    const size_t size = strlen(number);

    for (const char *at = strstr(list, number); at; at = strstr(at + 1, number))
        if ((at == list || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' '))
            return true;
    return false;
}

static const char *outcome(const struct host_fixture *x, const struct lint_row *row)
{
    static const char *const words[] = {"ignored", "passed", "fails", "skipped", "unknown"};
    const enum host_verdict verdict = x->facts->answers[lint_row_number(row)].verdict;

    assert_int_equal(verdict == HOST_FAILED, host_fires(x, row));
    return words[verdict];
}

/* Files of a test that is not root are not root's. */
static bool is_owner_row(const struct lint_row *row)
{
    return strncmp(row->name, "host-owner-", 11) == 0;
}

/* How many are not as they should be. */
static size_t compare_outcomes(const struct host_fixture *x, size_t c)
{
    const struct lint_row *row;
    size_t count = 0, wrong = 0;

    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        if (!row->host)
            continue;
        count++;
        const char *number = number_of(row), *got = outcome(x, row);
        const char *want = is_named(cases[c].fails, number)     ? "fails"
                           : is_named(cases[c].skipped, number) ? "skipped"
                           : is_named(cases[c].unknown, number) ? "unknown"
                                                                : "passed";
        if (strcmp(got, want) == 0 || (geteuid() != 0 && is_owner_row(row)))
            continue;
        wrong++;
        const char *why = x->facts->answers[lint_row_number(row)].why;
        print_error("%s: %s (%s) %s, expected: %s (%s)\n", cases[c].name, number, row->id, got,
                    want, why ? why : "-");
    }
    assert_int_equal(count, ALL_CHECKS);
    return wrong;
}

static void hosts_are_judged(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        struct host_fixture x;

        host_begin(&x);
        for (size_t i = 0; i < ARRAY_SIZE(cases[c].steps) && cases[c].steps[i].path; i++)
            host_change(x.root, &cases[c].steps[i]);
        host_judge(&x);
        wrong += compare_outcomes(&x, c);
        host_end(&x);
    }
    assert_int_equal(wrong, 0);
}

/* ---- the examples of rows ---- */

static void run_command(const char *root, const char *text)
{
    char what[16], how[64], path[128];
    STR_AUTO(change);

    if (sscanf(text, "echo %15s >%127s", what, path) == 2) {
        host_change(root, &(struct step){path, what});
    } else if (sscanf(text, "touch -d %63s %127s", how, path) == 2) {
        host_change(root, &(struct step){path, OLD});
    } else if (sscanf(text, "touch %127s", path) == 1) {
        host_change(root, &(struct step){path, ""});
    } else {
        assert_int_equal(sscanf(text, "%15s %63s %127s", what, how, path), 3);
        if (strcmp(what, "chmod") == 0)
            str_printf(&change, "!mode %s", how);
        else
            str_printf(&change, "!owner %s",
                       strstr(how, "1000")     ? "1000 1000"
                       : strstr(how, "docker") ? "0 998"
                                               : "0 0");
        host_change(root, &(struct step){path, change.at});
    }
}

static void apply_example(const char *root, const char *text)
{
    static const struct {
        const char *begin, *path;
    } files[] = {{"{", JSON},
                 {"[", UNIT},
                 {"#", RULES},
                 {"-w", RULES},
                 {"/dev", "/proc/mounts"},
                 {"docker:x", "/etc/group"},
                 {"type=", LOG}};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (strncmp(text, files[i].begin, strlen(files[i].begin)) == 0) {
            host_change(root, &(struct step){files[i].path, text});
            return;
        }
    run_command(root, text);
}

static void examples_are_true(void **state)
{
    const struct lint_row *row;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        if (!row->host || (geteuid() != 0 && is_owner_row(row)))
            continue;
        for (int good = 0; good <= 1; good++) {
            struct host_fixture x;

            host_begin(&x);
            /* containers are root's, as the daemon is */
            host_change(x.root, &(struct step){UNIT, SERVICE("ExecStart=/usr/bin/dockerd")});
            apply_example(x.root, good ? row->good : row->bad);
            host_judge(&x);
            if (strcmp(outcome(&x, row), good ? "passed" : "fails") != 0)
                fail_msg("%s: its %s example %s: %s", row->id, good ? "good" : "bad",
                         outcome(&x, row), good ? row->good : row->bad);
            host_end(&x);
        }
    }
}

/* ---- the rest ---- */

static void an_empty_host_passes_nothing(void **state)
{
    struct host_fixture x = {.root = "/tmp/cooper-host-XXXXXX"};
    const struct lint_row *row;

    (void)state;
    assert_non_null(mkdtemp(x.root));
    host_judge(&x);
    assert_int_equal(x.report.size, 0);
    for (size_t i = 0; (row = lint_row_at(i)); i++)
        if (row->host)
            assert_string_not_equal(outcome(&x, row), "passed");
    host_end(&x);
}

static void trusted_users_are_none(void **state)
{
    const struct lint_row *row = lint_row_find(VIEW("DB-1.1.2"));
    struct host_fixture x;

    (void)state;
    host_begin(&x);
    host_change(x.root, &(struct step){"/etc/group", "docker:x:998:joe,ann\n"});
    strings_add(&x.trusted, "joe");
    host_judge(&x);
    vec_each (f, &x.report)
        assert_true(f->row != row || strstr(f->text, "'ann'"));
    assert_true(host_fires(&x, row));
    strings_add(&x.trusted, "ann");
    host_judge(&x);
    assert_false(host_fires(&x, row));
    host_end(&x);
}

/* ---- texts that are long ---- */

/* Their outcome is that of the good host with what fails; without its limit each of them takes minutes or gigabytes. */
static const struct {
    const char *name, *fails;
    struct long_text {
        const char *path, *before, *unit;
        unsigned count;
        bool numbered; /* behind each unit: its number and a comma */
        const char *after;
    } texts[2];
    size_t users;
} hostile[] = {
    {"a watch of a path of many parts",
     "",
     {{"/etc/audit/rules.d/a.rules", "-w ", "/a", 200000, false, "\n"}},
     0},
    {"a long value, often",
     "",
     {{"/etc/v", "X=", "a", 500000, false, "\n"},
      {UNIT, DOCKERD("-H fd:// ") "EnvironmentFile=/etc/v\nExecStart=\nExecStart=/usr/bin/dockerd ",
       "${X}", 100000, false, "\n"}},
     0},
    {"a value of many words, often",
     "",
     {{"/etc/v", "X=", "a ", 250000, false, "\n"},
      {UNIT, DOCKERD("-H fd:// ") "EnvironmentFile=/etc/v\nExecStart=\nExecStart=/usr/bin/dockerd ",
       "$X ", 100000, false, "\n"}},
     0},
    {"a long file, often",
     "",
     {{"/etc/v", "X=", "a", 1000000, false, "\n"},
      {UNIT, DOCKERD("-H fd://"), "EnvironmentFile=/etc/v\n", 40000, false, ""}},
     0},
    {"a group of many",
     "1.1.2",
     {{"/etc/group", "root:x:0:\ndocker:x:998:", "u", 120000, true, "u1\njoe:x:1000:\n"}},
     120000},
};

static void put_long(const char *root, const struct long_text *t)
{
    STR_AUTO(text);

    str_add_text(&text, t->before);
    for (unsigned i = 0; i < t->count; i++) {
        str_add_text(&text, t->unit);
        if (t->numbered)
            str_printf(&text, "%u,", i);
    }
    str_add_text(&text, t->after);
    host_change(root, &(struct step){t->path, text.at});
}

static void long_texts_have_limits(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(hostile); c++) {
        const struct lint_row *row;
        struct host_fixture x;

        host_begin(&x);
        for (size_t i = 0; i < ARRAY_SIZE(hostile[c].texts) && hostile[c].texts[i].path; i++)
            put_long(x.root, &hostile[c].texts[i]);
        host_judge(&x);
        for (size_t i = 0; (row = lint_row_at(i)); i++)
            if (row->host && (geteuid() == 0 || !is_owner_row(row)) &&
                strcmp(outcome(&x, row),
                       is_named(hostile[c].fails, number_of(row)) ? "fails" : "passed") != 0)
                fail_msg("%s: %s %s", hostile[c].name, row->id, outcome(&x, row));
        assert_int_equal(x.facts->engine_users.size, hostile[c].users);
        host_end(&x);
    }
}

/* What nobody may read is not known, and never passes. */
static void a_stranger_does_not_know(void **state)
{
    const struct lint_row *row;
    struct host_fixture x;

    (void)state;
    host_begin(&x);
    host_change(x.root, &(struct step){JSON, MODE("0")});
    host_change(x.root, &(struct step){"/etc/audit", MODE("0")});
    host_change(x.root, &(struct step){"/var/lib/docker", MODE("0")});
    host_change(x.root, &(struct step){"/etc/docker/certs.d/r.example", MODE("0")});
    assert_int_equal(chmod(x.root, 0755), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    host_judge(&x);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    row = lint_row_find(VIEW("DB-2.2"));
    assert_string_equal(outcome(&x, row), "unknown");
    assert_non_null(strstr(x.facts->answers[lint_row_number(row)].why, "Permission denied"));
    assert_string_equal(outcome(&x, lint_row_find(VIEW("DB-1.1.6"))), "unknown");
    assert_string_equal(outcome(&x, lint_row_find(VIEW("DB-5.1"))), "unknown");
    assert_string_equal(outcome(&x, lint_row_find(VIEW("DB-3.7"))), "unknown");
    assert_string_equal(outcome(&x, lint_row_find(VIEW("DB-3.8"))), "unknown");
    host_change(x.root, &(struct step){"/etc/docker/certs.d/r.example", MODE("755")});
    host_change(x.root, &(struct step){"/etc/audit", MODE("755")});
    host_change(x.root, &(struct step){"/var/lib/docker", MODE("755")});
    host_end(&x);
}

/* A command that is copied from a report does what it says, whatever the file is called. */
static void mends_are_quoted(void **state)
{
    static const char path[] = "/etc/docker/certs.d/x;id $(id) 'a/ca.crt";
    struct host_fixture x;

    (void)state;
    host_begin(&x);
    host_change(x.root, &(struct step){path, "x"});
    host_judge(&x);
    assert_true(x.report.size >= 1);
    vec_each (f, &x.report)
        if (strcmp(f->code, "DB-3.8") == 0)
            assert_non_null(
                strstr(f->text, "chmod 444 '/etc/docker/certs.d/x;id $(id) '\\''a/ca.crt'"));
    host_end(&x);
}

UNIT_MAIN(cmocka_unit_test(hosts_are_judged), cmocka_unit_test(examples_are_true),
          cmocka_unit_test(an_empty_host_passes_nothing), cmocka_unit_test(trusted_users_are_none),
          cmocka_unit_test(a_stranger_does_not_know), cmocka_unit_test(mends_are_quoted),
          cmocka_unit_test(long_texts_have_limits))
