/* Threads that share the parts of a job, for layer.c.
 *
 * They are started once and sleep between jobs. Whoever has a part done takes the next one, so that
 * a thread that is late, or beside a busy neighbour, has less to do. Python has no part in it: a
 * thread of its own pool would wait for its lock first.
 */
#include <immintrin.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#define MOST_HELPERS 7
#define PATIENCE 2000 /* looks for the end of a job before its caller goes to sleep: some .1 ms */

typedef void Work(const void *job, int64_t part);

static struct {
    atomic_flag taken; /* by whoever has a job done */
    int64_t helpers;   /* threads that were started */
    sem_t called[MOST_HELPERS], done;
    Work *work;
    const void *job;
    int64_t parts;
    _Atomic int64_t next; /* part to be taken */
} pool = {.taken = ATOMIC_FLAG_INIT};

static void work_off(void) {
    for (int64_t part; (part = atomic_fetch_add(&pool.next, 1)) < pool.parts;)
        pool.work(pool.job, part);
}

/* Look for a signal so many times, then sleep until it comes. */
static void await(sem_t *signal, int tries) {
    while (sem_trywait(signal)) {
        if (tries-- > 0)
            _mm_pause();
        else if (!sem_wait(signal)) /* otherwise woken by something else */
            return;
    }
}

static void *help(void *called) {
    for (;;) {
        await(called, 0);
        work_off();
        sem_post(&pool.done);
    }
    return 0;
}

/* Threads do not come along into a child process. */
static void forget_helpers(void) {
    pool.helpers = 0;
    atomic_flag_clear(&pool.taken);
    sem_init(&pool.done, 0, 0);
}

static __attribute__((constructor)) void prepare_pool(void) {
    forget_helpers();
    pthread_atfork(0, 0, forget_helpers);
}

/* Start helpers until there are so many, or no more can be had; signals are for others. */
static int64_t start_helpers(int64_t wanted) {
    sigset_t every, usual;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &usual);
    for (pthread_t thread; pool.helpers < wanted && pool.helpers < MOST_HELPERS; pool.helpers++) {
        sem_t *called = pool.called + pool.helpers;
        sem_init(called, 0, 0);
        if (pthread_create(&thread, 0, help, called)) break;
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &usual, 0);
    return wanted < pool.helpers ? wanted : pool.helpers;
}

/* Have all parts of a job done, by this thread and helpers, up to so many in all. */
static void share(Work *work, const void *job, int64_t parts, int64_t threads) {
    if (threads < 2 || atomic_flag_test_and_set(&pool.taken)) { /* by another thread of the caller's */
        for (int64_t part = 0; part < parts; part++) work(job, part);
        return;
    }
    int64_t many = start_helpers(threads - 1);
    pool.work = work, pool.job = job, pool.parts = parts, pool.next = 0;
    for (int64_t k = 0; k < many; k++) sem_post(pool.called + k);
    work_off();
    for (int64_t k = 0; k < many; k++) await(&pool.done, PATIENCE);
    atomic_flag_clear(&pool.taken);
}
