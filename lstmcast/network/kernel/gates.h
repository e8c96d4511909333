/* The gates of an LSTM and of a GRU, forward and backward, some units of some windows at a time. */
#include <immintrin.h>

#include "weights.h"

#define SATURATED 40.0f /* beyond it, a sigmoid is 0 or 1 within 1e-17 */

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(4 * LANES)));
#define VEC(place) (*(vec *)(place))
#define ALWAYS static inline __attribute__((always_inline))

#ifdef __AVX512F__
#define LOWER(a, b) (vec) _mm512_min_ps((__m512)(a), (__m512)(b))
#define HIGHER(a, b) (vec) _mm512_max_ps((__m512)(a), (__m512)(b))
#else
#define LOWER(a, b) (vec) _mm256_min_ps((__m256)(a), (__m256)(b))
#define HIGHER(a, b) (vec) _mm256_max_ps((__m256)(a), (__m256)(b))
#endif

ALWAYS vec all(float x) { return x - (vec){0}; }

/* exp(x) - 1, x held within +-SATURATED: 2^n times a polynomial of the rest (Cephes' expf).
 * Less 1, it has all its digits next to 0, and so has tanh. */
ALWAYS vec exp_less_1(vec x) {
    static const float factors[] = {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                                    1.6666665459e-1f, 5.0000001201e-1f};
    /* Of two numbers, of which one is none, these give the second. */
    x = LOWER(all(SATURATED), x);
    x = HIGHER(all(-SATURATED), x);
    vec shifted = x * 1.44269504f + 12582912.0f; /* adding 1.5 * 2^23 rounds: n is in its last bits */
    vec n = shifted - 12582912.0f, power = (vec)((bits)all(1.0f) + ((bits)shifted << 23));
    vec rest = x - n * 0.693359375f + n * 2.12194440e-4f, sum = all(1.9875691500e-4f);
    for (int k = 0; k < 5; k++) sum = sum * rest + factors[k];
    return (sum * (rest * rest) + rest) * power + (power - 1.0f);
}

/* Sums (rows, PANEL) -> the gates, the new cell and the new state of some units. States are made
 * in a loop of their own: a processor has room for two or three rows on their way, no more. */
static inline void activate(count rows, float *sums, const float *before, float *cell,
                            float *state, float *gates, count width) {
    for (count r = 0; r < rows; r++) {
        float *sum = sums + r * PANEL;
        /* i = 1 / in, f = 1 / forget, o = 1 / out, g = -new / (2 + new): a division for two */
        vec in = 2.0f + exp_less_1(-VEC(sum)), forget = 2.0f + exp_less_1(-VEC(sum + LANES));
        vec new = exp_less_1(-2.0f * VEC(sum + 2 * LANES));
        vec out = 2.0f + exp_less_1(-VEC(sum + 3 * LANES));
        vec both = 1.0f / (in * forget), others = 1.0f / ((2.0f + new) * out);
        vec made[] = {both * forget, both * in, -new * (others * out), others * (2.0f + new)};
        VEC(cell + r * width) = made[1] * VEC(before + r * width) + made[0] * made[2];
        VEC(sum) = made[3];
        for (int gate = 0; gates && gate < 4; gate++)
            VEC(gates + (r * 4 + gate) * width) = made[gate];
    }
    for (count r = 0; r < rows; r++) {
        vec squashed = exp_less_1(-2.0f * VEC(cell + r * width));
        vec tanh = -squashed / (2.0f + squashed);
        VEC(state + r * width) = VEC(sums + r * PANEL) * tanh;
    }
}

/* The same of a GRU: h' = n + z (h - n), n = tanh(sum of inputs + r sum of states). */
static inline void activate_gru(count rows, const float *sums, const float *before, float *state,
                                float *gates, count width) {
    for (count r = 0; r < rows; r++, sums += PANEL) {
        vec reset = 2.0f + exp_less_1(-VEC(sums)), update = 2.0f + exp_less_1(-VEC(sums + LANES));
        vec both = 1.0f / (reset * update), from_state = VEC(sums + 3 * LANES);
        vec new = exp_less_1(-2.0f * (VEC(sums + 2 * LANES) + both * update * from_state));
        vec made[] = {both * update, both * reset, -new / (2.0f + new), from_state};
        VEC(state + r * width) = made[2] + made[1] * (VEC(before + r * width) - made[2]);
        for (int gate = 0; gates && gate < 4; gate++)
            VEC(gates + (r * 4 + gate) * width) = made[gate];
    }
}

/* Gradients of the states (rows, PANEL) -> gates become theirs, d_cell that of the cell before. */
static inline void differentiate(count rows, count wide, const float *d_state, float *gates,
                                 const float *before, const float *state, float *d_cell,
                                 count width) {
    for (count r = 0; r < rows; r++)
        for (count at = 0; at < wide * LANES; at += LANES) {
            float *gate = gates + r * 4 * width + at;
            vec i = VEC(gate), f = VEC(gate + width), g = VEC(gate + 2 * width);
            vec o = VEC(gate + 3 * width), squashed = VEC(state + r * width + at) / o; /* tanh(c) */
            vec dh = VEC(d_state + r * PANEL + at);
            vec dc = VEC(d_cell + r * width + at) + dh * o * (1.0f - squashed * squashed);
            VEC(gate) = dc * g * i * (1.0f - i);
            VEC(gate + width) = dc * VEC(before + r * width + at) * f * (1.0f - f);
            VEC(gate + 2 * width) = dc * i * (1.0f - g * g);
            VEC(gate + 3 * width) = dh * squashed * o * (1.0f - o);
            VEC(d_cell + r * width + at) = dc * f;
        }
}

/* The same of a GRU: `carried` is what flows past the gates, from a state to the one before. */
static inline void differentiate_gru(count rows, count wide, const float *d_state, float *gates,
                                     const float *before, float *carried, count width) {
    for (count r = 0; r < rows; r++)
        for (count at = 0; at < wide * LANES; at += LANES) {
            float *gate = gates + r * 4 * width + at;
            vec reset = VEC(gate), update = VEC(gate + width), new = VEC(gate + 2 * width);
            vec dh = VEC(d_state + r * PANEL + at) + VEC(carried + r * width + at);
            vec d_new = dh * (1.0f - update) * (1.0f - new * new);
            vec d_update = dh * (VEC(before + r * width + at) - new);
            VEC(gate) = d_new * VEC(gate + 3 * width) * reset * (1.0f - reset);
            VEC(gate + width) = d_update * update * (1.0f - update);
            VEC(gate + 2 * width) = d_new;
            VEC(gate + 3 * width) = d_new * reset;
            VEC(carried + r * width + at) = dh * update;
        }
}
