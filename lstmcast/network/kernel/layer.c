/* One LSTM or GRU layer, forward and backward, for compiled.py; the formulas stand in cells.py.
 *
 * Compiled by hatch_build.py for x86-64, with AVX-512 and with AVX2. A window of the batch needs no
 * other one, so threads take windows, never steps, and nobody waits until the last step is done. All
 * products are made by one piece of code, tile(): up to six rows times up to four vectors, held in
 * registers.
 *
 * Axes: T steps, B windows, F features, U units. Rows of units are padded with zeros to whole
 * vectors: U' in all that is named (.., U'). Gates stand in the order i, f, g, o; those of a GRU are
 * r, z, n and the part of n that comes from the state, before r.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "gates.h"
#include "pool.h"
#include "weights.h"

#define TOGETHER 32     /* windows taken from the first to the last step at a time: they fit the cache */
#define SPAN 4          /* steps whose gradients of weights are added at a time, in registers */

/* SHA-256 of the sources, and how it was compiled, so that no other code is taken for it. */
const char *const made_of = MADE_OF " " __VERSION__;
const int64_t lanes = LANES;

/* What a call works on; kernel.py has the same fields in the same order. A GRU has no cells. */
typedef struct {
    count steps, windows, features, units;
    count parts;                               /* the batch is cut into so many */
    count gru;                                 /* 0: LSTM */
    count input_step, input_row;               /* floats from one to the next */
    count cell_step;                           /* 0: only the last cells are kept */
    count d_output_step, d_output_row;
    const float *inputs;                       /* (T, B, F) */
    const float *weight_ih, *weight_hh, *bias_ih, *bias_hh; /* as torch has them; no bias: NULL */
    const float *first_state, *first_cell;     /* (B, U) or NULL: zeros */
    float *states, *cells;                     /* (T + 1, B, U'); cells perhaps only (B, U') */
    float *gates; /* (T, B, 4 U') or NULL; on the way back they become their own gradients */
    float *last_state, *last_cell;             /* (B, U) or NULL */
    float *scratch;                            /* as much as scratch_of() says */
    const float *d_outputs;                    /* (T, B, U') or NULL */
    const float *d_last_state, *d_last_cell;   /* (B, U) or NULL: zeros */
    float *d_first_state, *d_first_cell;       /* (B, U) or NULL: not wanted */
    float *d_inputs;                           /* (T, B, F') or NULL */
    float *d_weight_ih, *d_weight_hh, *d_bias_ih, *d_bias_hh; /* as the weights */

    /* What follows is set here: the way, and places in the scratch memory. */
    count back;
    float *panels, *bias;                      /* by pack_gates */
    float *state_panels, *input_panels;        /* by pack_columns */
    float *d_state, *d_cell; /* (B, U') at the step in work; a GRU's d_cell flows past its gates */
    float *d_weights;                          /* (parts, F + U + 1, 4 U'), of features, states, bias */
} Layer;

/* So that nobody calls with other fields. */
const int64_t layer_size = sizeof(Layer);

/* The next so many floats of the scratch memory; none yet where only its size is asked for. */
static float *take(const Layer *l, count *taken, count size) {
    float *place = l->scratch ? l->scratch + *taken : 0;
    *taken += size;
    return place;
}

/* Cuts the scratch memory up; returns how many floats it has. */
static count cut_scratch(Layer *l) {
    count width = padded(l->units), rows = l->features + l->units, taken = 0;
    if (!l->back) {
        l->panels = take(l, &taken, rows * 4 * width);
        l->bias = take(l, &taken, 4 * width);
        return taken;
    }
    l->state_panels = take(l, &taken, 4 * width * width);
    l->input_panels = take(l, &taken, l->d_inputs ? 4 * width * padded(l->features) : 0);
    l->d_state = take(l, &taken, l->windows * width);
    l->d_cell = take(l, &taken, l->windows * width);
    l->d_weights = take(l, &taken, l->parts * (rows + 1) * 4 * width);
    return taken;
}

/* Products -------------------------------------------------------------------------------------- */
/* A product: element k of the left side's row r is left[r * row + k * step], row k of the right side
 * begins at right[k * right_step]. */
typedef struct {
    count depth, row, step;
    const float *left, *right;
} Factors;

#define TILE_ARGUMENTS                                                                             \
    const Factors *factors, count many, count right_step, const float *start, count start_row,     \
        float *sum, count sum_row

/* sum (rows, wide vectors) = start + all products */
ALWAYS void tile_of(int rows, int wide, TILE_ARGUMENTS) {
    vec sums[ROWS][WIDE];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < wide; v++) sums[r][v] = VEC(start + r * start_row + v * LANES);
    for (; many; many--, factors++) {
        const float *left = factors->left, *right = factors->right;
        count row = factors->row, step = factors->step;
        for (count k = factors->depth; k; k--, left += step, right += right_step) {
            vec weight[WIDE];
            for (int v = 0; v < wide; v++) weight[v] = VEC(right + v * LANES);
            for (int r = 0; r < rows; r++)
                for (int v = 0; v < wide; v++) sums[r][v] += left[r * row] * weight[v];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < wide; v++) VEC(sum + r * sum_row + v * LANES) = sums[r][v];
}

/* With both sizes known to the compiler, the sums stay in registers. */
#define TILE(r, w)                                                                                 \
    static __attribute__((noinline)) void tile_##r##w(TILE_ARGUMENTS) {                            \
        tile_of(r, w, factors, many, right_step, start, start_row, sum, sum_row);                  \
    }
#define TILES(r) TILE(r, 1) TILE(r, 2) TILE(r, 3) TILE(r, 4)
#define ROW(r) {tile_##r##1, tile_##r##2, tile_##r##3, tile_##r##4}
TILES(1) TILES(2) TILES(3)
#if ROWS == 6
TILES(4) TILES(5) TILES(6)
#endif
static void (*const tile[ROWS][WIDE])(TILE_ARGUMENTS) = {
    ROW(1), ROW(2), ROW(3),
#if ROWS == 6
    ROW(4), ROW(5), ROW(6),
#endif
};

/* The layer ------------------------------------------------------------------------------------- */
static void forward_step(const Layer *l, count t, count begin, count end) {
    count width = padded(l->units);
    for (count unit = 0; unit < width; unit += LANES)
        for (count row = begin; row < end; row += ROWS) {
            count rows = least(ROWS, end - row), at = t * l->windows + row, next = at + l->windows;
            float sums[ROWS * PANEL] __attribute__((aligned(64)));
            const float *x = l->inputs + t * l->input_step + row * l->input_row;
            const float *panel = l->panels + unit * 4 * (l->features + l->units);
            Factors both[] = {
                {l->features, l->input_row, 1, x, panel},
                {l->units, width, 1, l->states + at * width, panel + l->features * PANEL}};
            tile[rows - 1][WIDE - 1](both, 2, PANEL, l->bias + unit * 4, 0, sums, PANEL);
            float *state = l->states + next * width + unit;
            float *gates = l->gates ? l->gates + at * 4 * width + unit : 0;
            if (l->gru) {
                activate_gru(rows, sums, l->states + at * width + unit, state, gates, width);
                continue;
            }
            float *cell = l->cells + t * l->cell_step + row * width + unit;
            activate(rows, sums, cell, cell + l->cell_step, state, gates, width);
        }
}

/* Adds to `sum` what flows from the gates of step t into columns of a weight: (rows, PANEL). */
static void flow(const Layer *l, const float *panels, count t, count row, count rows, count first,
                 count wide, float *sum, count sum_row) {
    count all_gates = 4 * padded(l->units);
    const float *gates = l->gates + (t * l->windows + row) * all_gates;
    Factors product = {all_gates, all_gates, 1, gates, panels + first * all_gates};
    tile[rows - 1][wide - 1](&product, 1, wide * LANES, sum, sum_row, sum, sum_row);
}

/* From the gradients of the outputs of step t to those of its gates; t = -1: only to d_state. */
static void backward_step(const Layer *l, count t, count begin, count end) {
    count width = padded(l->units), inputs = padded(l->features);
    for (count row = begin; row < end; row += ROWS) {
        count rows = least(ROWS, end - row), at = t * l->windows + row;
        for (count unit = 0; unit < width; unit += PANEL) {
            count wide = least(WIDE, (width - unit) / LANES);
            float sums[ROWS * PANEL] __attribute__((aligned(64)));
            for (count r = 0; r < rows; r++) {
                const float *last = l->d_state + (row + r) * width + unit;
                const float *given = l->d_outputs + t * l->d_output_step + unit;
                for (count v = 0; v < wide * LANES; v += LANES) {
                    vec sum = t == l->steps - 1 ? VEC(last + v) : (vec){0};
                    if (l->d_outputs && t >= 0)
                        sum += VEC(given + (row + r) * l->d_output_row + v);
                    VEC(sums + r * PANEL + v) = sum;
                }
            }
            if (t < l->steps - 1)
                flow(l, l->state_panels, t + 1, row, rows, unit, wide, sums, PANEL);
            float *d_cell = l->d_cell + row * width + unit;
            if (t < 0) {
                for (count r = 0; r < rows; r++)
                    for (count v = 0; v < wide * LANES; v += LANES)
                        VEC(l->d_state + (row + r) * width + unit + v) =
                            VEC(sums + r * PANEL + v) +
                            (l->gru ? VEC(d_cell + r * width + v) : (vec){0});
                continue;
            }
            float *gates = l->gates + at * 4 * width + unit, *before = l->states + at * width + unit;
            if (l->gru)
                differentiate_gru(rows, wide, sums, gates, before, d_cell, width);
            else
                differentiate(rows, wide, sums, gates, l->cells + at * width + unit,
                              before + l->windows * width, d_cell, width);
        }
        for (count at = 0; l->d_inputs && t >= 0 && at < inputs; at += PANEL) {
            count wide = least(WIDE, (inputs - at) / LANES);
            float *to = l->d_inputs + (t * l->windows + row) * inputs + at;
            for (count r = 0; r < rows; r++) memset(to + r * inputs, 0, 4 * wide * LANES);
            flow(l, l->input_panels, t, row, rows, at, wide, to, inputs);
        }
    }
}

/* Adds what the windows say of the weights, at up to SPAN steps from t on, to (F + U + 1, 4 U'). */
static void add_weights(const Layer *l, count t, count begin, count end, float *d_weights) {
    static const float one = 1.0f;
    count width = padded(l->units), all_gates = 4 * width, windows = end - begin;
    count steps = least(SPAN, l->steps - t);
    const struct {
        count rows, row, window, step;
        const float *at;
    } sides[] = {
        {l->features, 1, l->input_row, l->input_step, l->inputs + begin * l->input_row},
        {l->units, 1, width, l->windows * width, l->states + begin * width},
        {1, 0, 0, 0, &one},
    };
    for (count gate = 0; gate < all_gates; gate += PANEL) {
        const float *gates = l->gates + begin * all_gates + gate;
        float *to = d_weights + gate;
        for (int k = 0; k < 3; k++)
            for (count row = 0; row < sides[k].rows; row += ROWS) {
                count rows = least(ROWS, sides[k].rows - row);
                Factors of_steps[SPAN];
                for (count s = 0; s < steps; s++) {
                    const float *left = sides[k].at + (t + s) * sides[k].step + row * sides[k].row;
                    const float *right = gates + (t + s) * l->windows * all_gates;
                    of_steps[s] = (Factors){windows, sides[k].row, sides[k].window, left, right};
                }
                tile[rows - 1][WIDE - 1](of_steps, steps, all_gates, to, all_gates, to, all_gates);
                to += rows * all_gates;
            }
    }
}

/* States of some windows, (B, U) or NULL for zeros -> rows of whole vectors. */
static void widen(const Layer *l, count begin, count end, const float *given, float *rows) {
    count units = l->units, width = padded(units);
    for (count row = begin; row < end; row++) {
        if (given) memcpy(rows + row * width, given + row * units, 4 * units);
        count known = given ? units : 0;
        memset(rows + row * width + known, 0, 4 * (width - known));
    }
}

/* The way back, unless the states are not wanted (NULL). */
static void narrow(const Layer *l, count begin, count end, const float *rows, float *wanted) {
    for (count row = begin; wanted && row < end; row++)
        memcpy(wanted + row * l->units, rows + row * padded(l->units), 4 * l->units);
}

static count first_window(const Layer *l, count part) { return part * l->windows / l->parts; }

static void forward_part(const Layer *l, count part) {
    count last = first_window(l, part + 1), state = l->windows * padded(l->units);
    for (count row = first_window(l, part), end; row < last; row = end) {
        end = least(row + TOGETHER, last);
        widen(l, row, end, l->first_state, l->states);
        if (!l->gru) widen(l, row, end, l->first_cell, l->cells);
        for (count t = 0; t < l->steps; t++) forward_step(l, t, row, end);
        narrow(l, row, end, l->states + l->steps * state, l->last_state);
        if (!l->gru) narrow(l, row, end, l->cells + l->steps * l->cell_step, l->last_cell);
    }
}

static void backward_part(const Layer *l, count part) {
    count size = (l->features + l->units + 1) * 4 * padded(l->units);
    count last = first_window(l, part + 1);
    memset(l->d_weights + part * size, 0, 4 * size);
    for (count row = first_window(l, part), end; row < last; row = end) {
        end = least(row + TOGETHER, last);
        widen(l, row, end, l->d_last_state, l->d_state);
        widen(l, row, end, l->d_last_cell, l->d_cell);
        for (count t = l->steps - 1; t >= 0; t--) {
            backward_step(l, t, row, end);
            if (t % SPAN == 0) add_weights(l, t, row, end, l->d_weights + part * size);
        }
        backward_step(l, -1, row, end); /* into the first state */
        narrow(l, row, end, l->d_state, l->d_first_state);
        narrow(l, row, end, l->d_cell, l->d_first_cell);
    }
}

static void run_part(const void *layer, count part) {
    unsigned usual = _mm_getcsr();
    _mm_setcsr(usual | 0x8040); /* numbers next to zero become 0: Intel's processors are slow there */
    (((const Layer *)layer)->back ? backward_part : forward_part)(layer, part);
    _mm_setcsr(usual);
}

/* Floats in the scratch memory that a call needs. */
count scratch_of(Layer *l, count back) {
    l->back = back;
    return cut_scratch(l);
}

/* From inputs to states, by so many threads. */
void run_forward(Layer *l, count threads) {
    scratch_of(l, 0);
    pack_gates(l->weight_ih, l->weight_hh, l->bias_ih, l->bias_hh, l->features, l->units, l->gru,
               l->panels, l->bias);
    share(run_part, l, l->parts, threads);
}

/* From the gradients of states to all others. */
void run_backward(Layer *l, count threads) {
    scratch_of(l, 1);
    pack_columns(l->weight_hh, l->units, l->units, l->gru, 1, l->state_panels);
    if (l->d_inputs)
        pack_columns(l->weight_ih, l->units, l->features, l->gru, 0, l->input_panels);
    share(run_part, l, l->parts, threads);
    unpack_gradients(l->d_weights, l->parts, l->features, l->units, l->gru, l->d_weight_ih,
                     l->d_weight_hh, l->d_bias_ih, l->d_bias_hh);
}
