/* The weights of a layer in the order in which layer.c reads them, and their gradients put back.
 *
 * Units are padded with zeros to whole vectors: U' in all that is named (.., U').
 */
#pragma once
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__ /* 32 registers, in which layer.c has a tile of 6 x 4 vectors and its factors */
#define LANES 16   /* floats in a vector */
#define ROWS 6     /* windows in a tile */
#else              /* 16 */
#define LANES 8
#define ROWS 3
#endif
#define WIDE 4 /* vectors in a row of a tile: of each gate, one */
#define PANEL (WIDE * LANES)

typedef int64_t count;

static inline count least(count a, count b) { return a < b ? a : b; }
static inline count at_least_0(count a) { return a > 0 ? a : 0; }
static inline count padded(count units) { return (units + LANES - 1) / LANES * LANES; }

/* A layer has four sums for each unit: the gates i, f, g, o of an LSTM; of a GRU r, z, and what n is
 * made of, from inputs and from states. In torch's order a GRU has three: the third of its inputs'
 * weights makes sum 2, that of its states' weights sum 3. Returns the place, or -1 for none. */
static inline count torchs(count sum, int gru, int of_states) {
    if (!gru || sum < 2) return sum;
    return sum == 2 + of_states ? 2 : -1;
}

/* Columns of a matrix, of up to LANES of its rows, as rows of panels; zeros for rows that it lacks. */
static inline void turn(const float *matrix, count rows, count columns, float *panels) {
    for (count k = 0; k < columns; k++, panels += PANEL)
        if (rows == LANES)
            for (int lane = 0; lane < LANES; lane++) panels[lane] = matrix[lane * columns + k];
        else
            for (int lane = 0; lane < LANES; lane++)
                panels[lane] = lane < rows ? matrix[lane * columns + k] : 0;
}

/* Weights in torch's order, (G U, F), (G U, U), (G U,) twice or NULL, with G gates
 * -> panels (U' / LANES, F + U, 4, LANES), bias (U' / LANES, 4, LANES) */
static void pack_gates(const float *of_input, const float *of_state, const float *bias_input,
                const float *bias_state, count features, count units, int gru, float *panels,
                float *bias) {
    for (count unit = 0; unit < units; unit += LANES, panels += (features + units) * PANEL)
        for (count sum = 0; sum < 4; sum++, bias += LANES) {
            count rows = least(LANES, units - unit);
            count input = torchs(sum, gru, 0), state = torchs(sum, gru, 1);
            count of_inputs = at_least_0(input) * units + unit;
            count of_states = at_least_0(state) * units + unit;
            float *panel = panels + sum * LANES;
            turn(of_input + of_inputs * features, input < 0 ? 0 : rows, features, panel);
            turn(of_state + of_states * units, state < 0 ? 0 : rows, units,
                 panel + features * PANEL);
            for (count lane = 0; lane < LANES; lane++) {
                int has_bias = bias_input && lane < rows;
                bias[lane] = (has_bias && input >= 0 ? bias_input[of_inputs + lane] : 0) +
                             (has_bias && state >= 0 ? bias_state[of_states + lane] : 0);
            }
        }
}

/* (G U, N) -> panels of up to PANEL of its N' columns, (4 U', PANEL) each */
static void pack_columns(const float *weight, count units, count columns, int gru, int of_states,
                  float *panels) {
    for (count first = 0; first < columns; first += PANEL)
        for (count sum = 0; sum < 4; sum++)
            for (count unit = 0; unit < padded(units); unit++) {
                count gate = unit < units ? torchs(sum, gru, of_states) : -1;
                count wide = least(PANEL, padded(columns) - first);
                count known = gate < 0 ? 0 : least(wide, columns - first);
                if (known) memcpy(panels, weight + (gate * units + unit) * columns + first, 4 * known);
                memset(panels + known, 0, 4 * (wide - known));
                panels += wide;
            }
}

/* Sums of a row of all parts, LANES of its numbers. */
static inline void add_parts(const float *found, count parts, count size, float *sums) {
    for (int lane = 0; lane < LANES; lane++) sums[lane] = found[lane];
    for (count part = 1; part < parts; part++)
        for (int lane = 0; lane < LANES; lane++) sums[lane] += found[part * size + lane];
}

/* The way back of `turn`, and the sum of all parts; rows of `found` are 4 U' apart. */
static inline void turn_back(const float *found, count parts, count size, count row, count rows,
                             count columns, float *matrix) {
    for (count k = 0; k < columns; k += LANES) {
        float sums[LANES][LANES];
        count many = least(LANES, columns - k);
        for (count at = 0; at < many; at++)
            add_parts(found + (k + at) * row, parts, size, sums[at]);
        for (count lane = 0; lane < rows; lane++) {
            float *to = matrix + lane * columns + k;
            if (many == LANES)
                for (int at = 0; at < LANES; at++) to[at] = sums[at][lane];
            else
                for (count at = 0; at < many; at++) to[at] = sums[at][lane];
        }
    }
}

/* The gradients of all parts, (parts, F + U + 1, 4, U')
 * -> (G U, F), (G U, U), (G U,) twice or NULL */
static void unpack_gradients(const float *found, count parts, count features, count units, int gru,
                      float *of_input, float *of_state, float *bias_input, float *bias_state) {
    count row = 4 * padded(units), size = (features + units + 1) * row;
    for (count sum = 0; sum < 4; sum++)
        for (count unit = 0; unit < padded(units); unit += LANES, found += LANES) {
            count rows = least(LANES, units - unit);
            count input = torchs(sum, gru, 0), state = torchs(sum, gru, 1);
            count of_inputs = at_least_0(input) * units + unit;
            count of_states = at_least_0(state) * units + unit;
            float sums[LANES];
            add_parts(found + (features + units) * row, parts, size, sums);
            if (input >= 0) {
                turn_back(found, parts, size, row, rows, features, of_input + of_inputs * features);
                if (bias_input) memcpy(bias_input + of_inputs, sums, 4 * rows);
            }
            if (state >= 0) {
                turn_back(found + features * row, parts, size, row, rows, units,
                          of_state + of_states * units);
                if (bias_state) memcpy(bias_state + of_states, sums, 4 * rows);
            }
        }
}
