/* A step of an optimizer, for compiled_update.py; the formulas are those of torch.optim.
 *
 * All parameters are moved in one call. In a small network they are a matter of microseconds, and the
 * way to each of torch's operations takes longer than what it does there.
 */
#include <math.h>
#include <stdint.h>

#define AT_ONCE 64 /* sums beside each other, so that the compiler may take vectors */

typedef int64_t count;
enum { SGD, ADAM, ADAMW };

/* What a call works on; compiled_update.py has the same fields in the same order. */
typedef struct {
    count kind, parameters;
    const count *sizes;             /* numbers in each parameter */
    float *const *values;           /* where each one's begin */
    const float *const *gradients;
    float *mean, *square;           /* of all, one behind the other; SGD has its velocity and NULL */
    double rate, decay;
    double clip;                    /* largest norm of all gradients together; infinite: any */
    double tiny;                    /* added to the norm before it divides */
    double momentum;                /* what stays of mean, or of velocity */
    double steady;                  /* what stays of square */
    double mean_known, square_known; /* shares of both that are not of their start at 0 */
    double epsilon;
} Update;

static double sum_of_squares(const float *x, count size) {
    float sums[AT_ONCE] = {0};
    double total = 0;
    count k = 0;
    for (; k + AT_ONCE <= size; k += AT_ONCE)
        for (int lane = 0; lane < AT_ONCE; lane++) sums[lane] += x[k + lane] * x[k + lane];
    for (int lane = 0; lane < AT_ONCE; lane++) total += sums[lane];
    for (; k < size; k++) total += (double)x[k] * x[k];
    return total;
}

/* What all gradients are multiplied with, so that their norm is not above `clip`. */
static float shrinkage(const Update *u) {
    double total = 0;
    for (count p = 0; u->clip < INFINITY && p < u->parameters; p++)
        total += sum_of_squares(u->gradients[p], u->sizes[p]);
    double times = (sqrt(total) + u->tiny) / u->clip;
    return times <= 1 ? 1 : 1 / times; /* of what is not a number nothing is one any more */
}

static void sgd(const Update *u, count size, float shrink, float *restrict value,
                const float *restrict gradient, float *restrict velocity) {
    float rate = u->rate, decay = u->decay, momentum = u->momentum;
    for (count k = 0; k < size; k++) {
        velocity[k] = momentum * velocity[k] + (gradient[k] * shrink + decay * value[k]);
        value[k] -= rate * velocity[k];
    }
}

static void adam(const Update *u, count size, float shrink, float *restrict value,
                 const float *restrict gradient, float *restrict mean, float *restrict square) {
    float pull = u->kind == ADAM ? u->decay : 0;               /* a part of the gradient */
    float left = u->kind == ADAMW ? 1 - u->rate * u->decay : 1; /* or apart from it */
    float fresh = 1 - u->momentum, steady = u->steady, other = 1 - u->steady;
    float rate = u->rate / u->mean_known, spread = 1 / sqrt(u->square_known), epsilon = u->epsilon;
    for (count k = 0; k < size; k++) {
        float found = gradient[k] * shrink + pull * value[k];
        mean[k] += fresh * (found - mean[k]);
        square[k] = steady * square[k] + other * found * found;
        value[k] = left * value[k] - rate * mean[k] / (sqrtf(square[k]) * spread + epsilon);
    }
}

/* So that nobody calls with other fields. */
const int64_t update_size = sizeof(Update);

/* Clip the gradients, and take the step. */
void update(const Update *u) {
    float shrink = shrinkage(u);
    count before = 0;
    for (count p = 0; p < u->parameters; before += u->sizes[p++]) {
        count size = u->sizes[p];
        float *mean = u->mean + before;
        if (u->kind == SGD)
            sgd(u, size, shrink, u->values[p], u->gradients[p], mean);
        else
            adam(u, size, shrink, u->values[p], u->gradients[p], mean, u->square + before);
    }
}
