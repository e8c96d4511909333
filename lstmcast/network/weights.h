/* The weights of a layer in the order in which layer.c reads them, and their gradients put back.
 *
 * Units are padded with zeros to whole vectors: U' in all that is named (.., U').
 */
#pragma once
#include <stdint.h>

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
static inline count padded(count units) { return (units + LANES - 1) / LANES * LANES; }

/* A layer has four sums for each unit: the gates i, f, g, o of an LSTM; of a GRU r, z, and what n is
 * made of, from inputs and from states. In torch's order a GRU has three: the third of its inputs'
 * weights makes sum 2, that of its states' weights sum 3. Returns the place, or -1 for none. */
static inline count torchs(count sum, int gru, int of_states) {
    if (!gru || sum < 2) return sum;
    return sum == 2 + of_states ? 2 : -1;
}

/* Weights in torch's order, (G U, F), (G U, U), (G U,) twice or NULL, with G gates
 * -> panels (U' / LANES, F + U, 4, LANES), bias (U' / LANES, 4, LANES) */
void pack_gates(const float *of_input, const float *of_state, const float *bias_input,
                const float *bias_state, count features, count units, int gru, float *panels,
                float *bias) {
    for (count first = 0; first < padded(units); first += LANES, bias += PANEL) {
        float *of_features = panels, *of_units = panels + features * PANEL;
        for (count at = 0; at < PANEL; at++) {
            count unit = first + at % LANES, sum = at / LANES;
            count input = unit < units ? torchs(sum, gru, 0) : -1;
            count state = unit < units ? torchs(sum, gru, 1) : -1;
            const float *inputs = of_input + (input * units + unit) * features;
            const float *states = of_state + (state * units + unit) * units;
            for (count k = 0; k < features; k++) of_features[k * PANEL + at] = input < 0 ? 0 : inputs[k];
            for (count k = 0; k < units; k++) of_units[k * PANEL + at] = state < 0 ? 0 : states[k];
            bias[at] = (bias_input && input >= 0 ? bias_input[input * units + unit] : 0) +
                       (bias_input && state >= 0 ? bias_state[state * units + unit] : 0);
        }
        panels += (features + units) * PANEL;
    }
}

/* (G U, N) -> panels of up to PANEL of its N' columns, (4 U', PANEL) each */
void pack_columns(const float *weight, count units, count columns, int gru, int of_states,
                  float *panels) {
    for (count first = 0; first < padded(columns); first += PANEL)
        for (count sum = 0; sum < 4; sum++)
            for (count unit = 0; unit < padded(units); unit++) {
                count gate = unit < units ? torchs(sum, gru, of_states) : -1;
                const float *row = weight + (gate * units + unit) * columns;
                for (count at = first; at < least(first + PANEL, padded(columns)); at++)
                    *panels++ = gate >= 0 && at < columns ? row[at] : 0;
            }
}

/* The gradients of all parts, (parts, F + U + 1, 4, U')
 * -> (G U, F), (G U, U), (G U,) twice or NULL. A few rows at a time: their lines stay in the cache. */
void unpack_gradients(const float *found, count parts, count features, count units, int gru,
                      float *of_input, float *of_state, float *bias_input, float *bias_state) {
    count width = padded(units), size = (features + units + 1) * 4 * width;
    for (count row = 0; row < 4 * width; row += LANES, found += LANES) {
        count input = torchs(row / width, gru, 0), state = torchs(row / width, gru, 1);
        for (count k = 0; k <= features + units; k++)
            for (count lane = 0; lane < least(LANES, units - row % width); lane++) {
                const float *at = found + k * 4 * width + lane;
                count unit = row % width + lane;
                float sum = at[0];
                for (count part = 1; part < parts; part++) sum += at[part * size];
                if (k < features && input >= 0)
                    of_input[(input * units + unit) * features + k] = sum;
                else if (k >= features && k < features + units && state >= 0)
                    of_state[(state * units + unit) * units + k - features] = sum;
                else if (k == features + units && bias_input) {
                    if (input >= 0) bias_input[input * units + unit] = sum;
                    if (state >= 0) bias_state[state * units + unit] = sum;
                }
            }
    }
}
