/* One emulated link between two TUN devices: tail-drop queue, rate, delay; both directions alike.
 *
 *     link NETNS:IF NETNS:IF DELAY_US RATE_MBIT QUEUE_KB
 *
 * Rate 0: no limit. The program ends with the one that started it. IPv4 only. TCP super-packets pass whole, which costs
 * the machine less: at 1 Gbit/s the largest stands for half a millisecond of the link, and is
 * charged for each of its segments. Packets due within SLACK_NS are delivered together.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 65536u    /* packets under way per direction: 100 ms of full-size ones at 1 Gbit/s are 8,300 */
#define BIGGEST 66000
#define BATCH 64
#define SLACK_NS 50000ull
#define HEADERS 52      /* IPv4 and TCP with timestamps, once per segment */

struct packet { uint64_t due; uint32_t size; uint8_t *bytes; };
struct direction {
    int from, to;
    uint64_t free_at;   /* when the link has sent all that waits for it */
    uint32_t head, tail;
    struct packet ring[SLOTS];
};

static struct direction ways[2];
static uint64_t delay_ns;
static double rate_mbit, queue_kb;
static const uint32_t prefix = sizeof(struct virtio_net_hdr);

static void die(const char *what) { perror(what); exit(1); }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int open_tun(const char *spec) {
    const char *colon = strchr(spec, ':');
    char path[128];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    int size = (int)prefix, ns, tun;
    if (!colon) { fprintf(stderr, "want NETNS:IF, not %s\n", spec); exit(2); }
    snprintf(path, sizeof path, "/run/netns/%.*s", (int)(colon - spec), spec);
    ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET)) die(path);
    close(ns);
    tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0) die("/dev/net/tun");
    strncpy(request.ifr_name, colon + 1, IFNAMSIZ - 1);
    if (ioctl(tun, TUNSETIFF, &request)) die("TUNSETIFF");
    if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)) die("TUNSETOFFLOAD");
    if (ioctl(tun, TUNSETVNETHDRSZ, &size)) die("TUNSETVNETHDRSZ");
    return tun;
}

/* What the packet weighs on the wire. */
static double weight(const uint8_t *bytes, uint32_t size) {
    const struct virtio_net_hdr *virtio = (const void *)bytes;
    double weight = size - prefix;
    if (virtio->gso_type != VIRTIO_NET_HDR_GSO_NONE && virtio->gso_size)
        weight += ((size - prefix - HEADERS - 1) / virtio->gso_size) * HEADERS;
    return weight;
}

static void take(struct direction *way) {
    static uint8_t buffer[BIGGEST];
    for (int i = 0; i < BATCH; i++) {
        ssize_t size = read(way->from, buffer, sizeof buffer);
        uint64_t now, leaves;
        if (size <= (ssize_t)prefix) return;
        if (buffer[prefix] >> 4 != 4 || way->tail - way->head == SLOTS) continue;
        now = now_ns();
        leaves = way->free_at > now ? way->free_at : now;
        if (rate_mbit > 0) {
            double wire = weight(buffer, (uint32_t)size);
            if ((double)(leaves - now) * rate_mbit / 8000 + wire > queue_kb * 1024) continue;
            leaves += (uint64_t)(wire * 8000 / rate_mbit);
        }
        way->free_at = leaves;
        struct packet *packet = &way->ring[way->tail++ % SLOTS];
        packet->due = leaves + delay_ns;
        packet->size = (uint32_t)size;
        packet->bytes = malloc((size_t)size);
        if (!packet->bytes) die("malloc");
        memcpy(packet->bytes, buffer, (size_t)size);
    }
}

static void deliver(struct direction *way) {
    uint64_t until = now_ns() + SLACK_NS;
    for (int i = 0; i < BATCH && way->head != way->tail; i++) {
        struct packet *packet = &way->ring[way->head % SLOTS];
        if (packet->due > until) return;
        if (write(way->to, packet->bytes, packet->size) < 0 && errno == EINVAL) die("write");
        free(packet->bytes);
        way->head++;
    }
}

int main(int argc, char **argv) {
    int poll = epoll_create1(EPOLL_CLOEXEC), ends[2];
    if (argc != 6) { fprintf(stderr, "usage: link NETNS:IF NETNS:IF DELAY_US RATE_MBIT QUEUE_KB\n"); return 2; }
    delay_ns = (uint64_t)(atof(argv[3]) * 1000);
    rate_mbit = atof(argv[4]);
    queue_kb = atof(argv[5]);
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (int i = 0; i < 2; i++) ends[i] = open_tun(argv[i + 1]);
    for (uint32_t i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, ends[i], &event)) die("epoll_ctl");
        ways[i].from = ends[i];
        ways[i].to = ends[!i];
    }
    puts("linked");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[2];
        uint64_t next = now_ns() + 1000000000ull, now;
        for (int i = 0; i < 2; i++) {
            deliver(&ways[i]);
            if (ways[i].head != ways[i].tail && ways[i].ring[ways[i].head % SLOTS].due < next)
                next = ways[i].ring[ways[i].head % SLOTS].due;
        }
        now = now_ns();
        uint64_t wait = next > now ? next - now : 0;
        struct timespec timeout = {(time_t)(wait / 1000000000ull), (long)(wait % 1000000000ull)};
        int count = epoll_pwait2(poll, events, 2, &timeout, NULL);
        for (int i = 0; i < count; i++) take(&ways[events[i].data.u32]);
    }
}
