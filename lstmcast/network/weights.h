/* The weights of a layer in the order in which lstm.c reads them, and their gradients put back.
 *
 * Units are padded with zeros to whole vectors: U' in all that is named (.., U').
 */
#include <immintrin.h>
#include <stdint.h>

#define LANES 16 /* floats in a vector */
#define WIDE 4   /* vectors in a row of a tile */
#define PANEL (WIDE * LANES)

typedef int64_t count;

static inline count least(count a, count b) { return a < b ? a : b; }
static inline count padded(count units) { return (units + LANES - 1) / LANES * LANES; }

/* (4 U, F), (4 U, U), (4 U,) twice or NULL -> panels (U' / 16, F + U, 4, 16), bias (U' / 16, 4, 16) */
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

/* (4 U, N) -> panels of up to 64 of its N' columns, (4 U', 64) each */
void pack_columns(const float *weight, count units, count columns, float *panels) {
    for (count first = 0; first < padded(columns); first += PANEL)
        for (count gate = 0; gate < 4; gate++)
            for (count unit = 0; unit < padded(units); unit++)
                for (count at = first; at < least(first + PANEL, padded(columns)); at++)
                    *panels++ = unit < units && at < columns
                                    ? weight[(gate * units + unit) * columns + at]
                                    : 0;
}

/* 16 rows of a matrix from the first on, or as many as there are. */
typedef struct {
    __mmask16 known;
    __m512i places; /* of their numbers in one column */
} Rows;

static inline Rows rows_of(count first, count rows, count columns) {
    __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __mmask16 known = (1u << least(LANES, rows - first)) - 1;
    return (Rows){known, _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)columns))};
}

/* The gradients of all parts, (parts, F + U + 1, 4, U')
 * -> (4 U, F), (4 U, U), (4 U,) twice or NULL */
void unpack_gradients(const float *found, count parts, count features, count units, float *of_input,
                      float *of_state, float *bias_input, float *bias_state) {
    count width = padded(units), size = (features + units + 1) * 4 * width;
    for (int gate = 0; gate < 4; gate++)
        for (count first = 0; first < units; first += LANES) {
            Rows inputs = rows_of(first, units, features), states = rows_of(first, units, units);
            count row = gate * units + first;
            for (count k = 0; k <= features + units; k++) {
                const float *at = found + (k * 4 + gate) * width + first;
                __m512 sum = _mm512_loadu_ps(at);
                for (count part = 1; part < parts; part++)
                    sum = _mm512_add_ps(sum, _mm512_loadu_ps(at + part * size));
                if (k < features)
                    _mm512_mask_i32scatter_ps(of_input + row * features + k, inputs.known,
                                              inputs.places, sum, 4);
                else if (k < features + units)
                    _mm512_mask_i32scatter_ps(of_state + row * units + k - features, states.known,
                                              states.places, sum, 4);
                else if (bias_input) {
                    _mm512_mask_storeu_ps(bias_input + row, states.known, sum);
                    _mm512_mask_storeu_ps(bias_state + row, states.known, sum);
                }
            }
        }
}
