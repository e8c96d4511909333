/* The weights of a layer in the order in which lstm.c reads them, and their gradients put back.
 *
 * Units are padded with zeros to whole vectors: U' in all that is named (.., U').
 */
#include <stdint.h>

#ifdef __AVX512F__ /* 32 registers, in which lstm.c has a tile of 6 x 4 vectors and its factors */
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

/* (4 U, F), (4 U, U), (4 U,) twice or NULL
 * -> panels (U' / LANES, F + U, 4, LANES), bias (U' / LANES, 4, LANES) */
void pack_gates(const float *of_input, const float *of_state, const float *bias_input,
                const float *bias_state, count features, count units, float *panels, float *bias) {
    for (count first = 0; first < padded(units); first += LANES, bias += PANEL) {
        float *of_features = panels, *of_units = panels + features * PANEL;
        for (count at = 0; at < PANEL; at++) {
            count unit = first + at % LANES, row = at / LANES * units + unit;
            int known = unit < units;
            for (count k = 0; k < features; k++)
                of_features[k * PANEL + at] = known ? of_input[row * features + k] : 0;
            for (count k = 0; k < units; k++)
                of_units[k * PANEL + at] = known ? of_state[row * units + k] : 0;
            bias[at] = known && bias_input ? bias_input[row] + bias_state[row] : 0;
        }
        panels += (features + units) * PANEL;
    }
}

/* (4 U, N) -> panels of up to PANEL of its N' columns, (4 U', PANEL) each */
void pack_columns(const float *weight, count units, count columns, float *panels) {
    for (count first = 0; first < padded(columns); first += PANEL)
        for (count gate = 0; gate < 4; gate++)
            for (count unit = 0; unit < padded(units); unit++)
                for (count at = first; at < least(first + PANEL, padded(columns)); at++)
                    *panels++ = unit < units && at < columns
                                    ? weight[(gate * units + unit) * columns + at]
                                    : 0;
}

/* The gradients of all parts, (parts, F + U + 1, 4, U')
 * -> (4 U, F), (4 U, U), (4 U,) twice or NULL. A few rows at a time: their lines stay in the cache. */
void unpack_gradients(const float *found, count parts, count features, count units, float *of_input,
                      float *of_state, float *bias_input, float *bias_state) {
    count width = padded(units), size = (features + units + 1) * 4 * width;
    for (count row = 0; row < 4 * width; row += LANES, found += LANES)
        for (count k = 0; k <= features + units; k++)
            for (count lane = 0; lane < least(LANES, units - row % width); lane++) {
                const float *at = found + k * 4 * width + lane;
                count to = row / width * units + row % width + lane;
                float sum = at[0];
                for (count part = 1; part < parts; part++) sum += at[part * size];
                if (k < features)
                    of_input[to * features + k] = sum;
                else if (k < features + units)
                    of_state[to * units + k - features] = sum;
                else if (bias_input)
                    bias_input[to] = bias_state[to] = sum;
            }
}
