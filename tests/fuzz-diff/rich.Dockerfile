# The other images below the cases: `rich`, with all that a configuration can have, over layers that take things away;
# `trigger`, which has ONBUILDs besides.
FROM busybox AS rich
RUN rm -rf /l/private /l/second && rm -rf /l/real && mkdir /l/real && echo new >/l/real/new && chmod 751 /l/real
RUN rm /l/rel && mkdir /l/rel && touch /l/rel/was-a-link && ln /l/file /l/hard && mv /l/sgid /l/moved && chown -R 1234:100 /home
COPY --chmod=644 <<P <<G /etc/
root:x:0:0:root:/root:/bin/sh
# a comment
bin:x:2:2:bin:/bin:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false

app:x:1234:1235:The App:/home/app:/bin/sh
app:x:1:1:again:/:/bin/sh
123:x:77:78:digits:/tmp:/bin/sh
short:x:88
homeless:x:99:99:::
last:x:4321:4321::/l:/bin/sh
P
root:x:0:
bin:x:2:
users:x:100:nobody,app
app:x:1235:
more:x:1236:app,last
many:x:1237:app
nobody:x:65534:
G
RUN mv /etc/P /etc/passwd && mv /etc/G /etc/group && mkdir -p /home/app && chown app /home/app && ls -l /etc >/dev/null
ENV A=base X=1 EMPTY= PATH=/usr/local/bin:/bin:/usr/bin QUOTED="a b"
LABEL k=base org.label="of the base" only=here
WORKDIR /srv/app
EXPOSE 80/udp 1000
VOLUME ["/data", "/l/vol"]
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=3s --retries=7 CMD true
SHELL ["/bin/busybox", "sh", "-c"]
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
USER app

FROM rich AS trigger
ONBUILD ARG A=given
ONBUILD ENV TRIGGERED=$A lib=${A:-none}
ONBUILD WORKDIR down
ONBUILD RUN echo "$TRIGGERED $A" >/tmp/trigger; id >/tmp/who
ONBUILD COPY --chown=app:more . context/
ONBUILD USER 0
ONBUILD LABEL trigger=yes
ONBUILD CMD fired
