/* A small web server in one static program: answers GET and HEAD with a page or a health word, one connection at
 * a time, and ends at once on SIGTERM, as a container's first process should. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 8192 /* bytes of a request's head; longer ones are refused */
#define PATIENCE_MS 5000 /* for a client that says nothing */

static volatile sig_atomic_t stopped;

static void on_stop(int signo)
{
    (void)signo;
    stopped = 1;
}

static void answer(int client, const char *status, const char *body, int with_body)
{
    char text[1024];
    const int n = snprintf(text, sizeof(text),
                           "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n%s",
                           status, strlen(body), with_body ? body : "");

    if (n > 0)
        (void)!send(client, text, (size_t)n, MSG_NOSIGNAL);
}

static void serve(int client)
{
    char request[REQUEST_MAX + 1] = "", method[8] = "", path[256] = "";
    size_t size = 0;

    while (!strstr(request, "\r\n\r\n")) {
        struct pollfd p = {client, POLLIN, 0};

        if (size == REQUEST_MAX) {
            answer(client, "431 Request Header Fields Too Large", "too long\n", 1);
            return;
        }
        if (poll(&p, 1, PATIENCE_MS) <= 0)
            return;
        const ssize_t n = read(client, request + size, REQUEST_MAX - size);
        if (n <= 0)
            return;
        size += (size_t)n;
        request[size] = '\0';
    }
    if (sscanf(request, "%7s %255s HTTP/1.", method, path) != 2)
        answer(client, "400 Bad Request", "what?\n", 1);
    else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        answer(client, "405 Method Not Allowed", "GET and HEAD only\n", 1);
    else if (strcmp(path, "/") == 0)
        answer(client, "200 OK", "hello from an image of one file\n", *method == 'G');
    else if (strcmp(path, "/healthz") == 0)
        answer(client, "200 OK", "ok\n", *method == 'G');
    else
        answer(client, "404 Not Found", "nothing here\n", *method == 'G');
}

int main(void)
{
    const char *text = getenv("PORT");
    const int port = text ? atoi(text) : 8080, one = 1;
    const struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART: accept() must return */
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
    const struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    if (server >= 0)
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (server < 0 || bind(server, (const struct sockaddr *)&any, sizeof(any)) < 0) {
        server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* a host without IPv6 */
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (server < 0 || bind(server, (const struct sockaddr *)&any4, sizeof(any4)) < 0) {
            perror("server: bind");
            return 1;
        }
    }
    if (listen(server, 64) < 0) {
        perror("server: listen");
        return 1;
    }
    printf("server: listening on port %d\n", port);
    fflush(stdout);
    while (!stopped) {
        const int client = accept(server, NULL, NULL);

        if (client < 0 && errno != EINTR && errno != ECONNABORTED) {
            perror("server: accept");
            return 1;
        }
        if (client >= 0) {
            serve(client);
            close(client);
        }
    }
    puts("server: stopped");
    return 0;
}
