"""Dockerfiles that are wrong, or nearly: what one side refuses the other must refuse."""

BAD = ["FROM", "FROM busybox AS", "FROM busybox as 1x", "COPY a", "COPY --chown a /b", "COPY --from=99 /a /b", "COPY --from=nobody-has-it /a /b", "RUN --mount=type=x true", "RUN --mount=target=/ true", "ENV", "ENV A",
       "ENV A=${A", 'ENV A="x', "LABEL", "LABEL a", "EXPOSE", "EXPOSE x", "EXPOSE 70000", "EXPOSE 5-2", "WORKDIR", "USER", "VOLUME", "VOLUME []", "STOPSIGNAL SIGNOPE", "STOPSIGNAL", "HEALTHCHECK", "HEALTHCHECK CMD",
       "HEALTHCHECK --interval=1 CMD x", "HEALTHCHECK --retries=-1 CMD x", "HEALTHCHECK NONE x", "ONBUILD", "ONBUILD FROM x", "ONBUILD ONBUILD RUN x", "ONBUILD MAINTAINER x", "SHELL sh", "SHELL []", "CMD [1]", "NOSUCH x",
       "ARG", "ARG 1=2 =3", "ARG =x", "RUN <<EOF\nnever ends", "COPY <<A <<A /x\nA", "COPY a <<B\nB", "COPY --chmod=u+x a /b", "COPY --chmod=888 a /b", "COPY --nosuch a /b", "COPY --chown=1 --chown=2 . /b", "ADD", 'COPY ["a"]',
       "RUN --network=nowhere true", "RUN --nosuch=1 true", "COPY --chown=1:2:3 . /x", "COPY --chown=-1 . /x", "ENV =x", "LABEL =x", "WORKDIR ''", "HEALTHCHECK --interval=1us CMD x", "MAINTAINER", "ENTRYPOINT", "CMD", "RUN",
       "HEALTHCHECK --timeout=0s CMD x", "STOPSIGNAL 0", "STOPSIGNAL 99", "EXPOSE 80/", "EXPOSE /tcp", "EXPOSE 80/x", "VOLUME ['']", 'VOLUME [""]', "USER ''", "ARG A B=1 ${A}", "CMD [\"a\", 1]", "SHELL [\"\"]", "env", "#x",
       "COPY --from=s1 --from=s1 a /b", "COPY --link=maybe . /x", "COPY --chmod= . /x", "COPY --chown= . /x", "COPY --from= . /x", "ENV a=b c", "ENV a b=c d", "LABEL a=b c", "FROM --platform=nope/x/y/z busybox", "FROM --nosuch busybox",
       "ENV A=${}", "ENV A=${B/a}", "ENV A=${B:#a}", "ENV A=${B:=w}", "ENV A=${none:?given}", "COPY missing /x", "COPY . /etc/passwd", "COPY . /l/file/x", "COPY Dockerfile /l/loop", "RUN false", "RUN exit 3",
       "LABEL $none=x", "WORKDIR /etc/passwd", "COPY a[ /x", "COPY Dockerfile .dockerignore /x"]


def spoil(r, items, options, ignore):
    """Makes a case wrong, or nearly: a bad instruction, a hole, two characters the other way round."""
    what = r.random()
    if what < 0.05:
        return items, options + ["--target=nosuch"], ignore
    if what < 0.1:
        return items, options, (ignore or "") + r.choice(["[a", "!", "[a-", "x\\", "[]a]"]) + "\n"
    return spoil_items(r, items), options, ignore


def spoil_items(r, items):
    first = next(i for i, line in enumerate(items) if line.lstrip().lower().startswith("from "))
    what, at = r.random(), r.randrange(first, len(items) + 1)
    if what < 0.5:
        return items[:at] + [r.choice(BAD)] + items[at:]
    if what < 0.6 and len(items) > 1:
        return items[:at - 1] + items[at:]
    at = r.randrange(first, len(items))  # errors in the defaults of ARGs before it are nothing to BuildKit
    line = items[at]
    where = r.randrange(len(line))
    changed = r.choice([line[:where] + line[where + 1:], line[:where] + r.choice("\\\"'$[]{},=<>- \t\n#`:/!é\0") + line[where:], line[:where], line + line[where:]])
    return items[:at] + [changed] + items[at + 1:]
