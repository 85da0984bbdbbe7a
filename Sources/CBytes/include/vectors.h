// Vector operations that Swift's SIMD types spell but compile lane by lane: correctly rounded square roots, bounds.
// Every function is static inline; results are equal on every machine.
#ifndef THALWEG_VECTORS_H
#define THALWEG_VECTORS_H

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef float vector_float4 __attribute__((ext_vector_type(4)));

/// The square root of each lane.
static inline vector_float4 vector_sqrt4(vector_float4 x) {
#if defined(__SSE2__)
    return (vector_float4)_mm_sqrt_ps((__m128)x);
#else
    return (vector_float4){__builtin_sqrtf(x.x), __builtin_sqrtf(x.y), __builtin_sqrtf(x.z), __builtin_sqrtf(x.w)};
#endif
}

/// Each lane within -limit ... limit.
static inline vector_float4 vector_clip4(vector_float4 x, float limit) {
    const vector_float4 high = limit, low = -limit;
#if defined(__SSE2__)
    return (vector_float4)_mm_min_ps(_mm_max_ps((__m128)x, (__m128)low), (__m128)high);
#else
    for (int k = 0; k < 4; k++) {
        const float raised = x[k] > low[k] ? x[k] : low[k];
        x[k] = raised < high[k] ? raised : high[k];
    }
    return x;
#endif
}

/// Each lane of x over the root of squares / weight, within -limit ... limit; its sign where squares are 0.
static inline vector_float4 vector_scale4(vector_float4 x, vector_float4 squares, vector_float4 weight, float limit) {
    const vector_float4 mean_square = squares / weight;
#if defined(__SSE2__)
    const __m128 zero = _mm_setzero_ps();
    const __m128 known = _mm_cmpgt_ps((__m128)squares, zero);
    const __m128 size = _mm_andnot_ps(_mm_set1_ps(-0.0f), (__m128)x);
    const __m128 root = _mm_sqrt_ps((__m128)mean_square);
    const __m128 scale = _mm_or_ps(_mm_and_ps(known, root), _mm_andnot_ps(known, size));
    // 0 / 0 is masked out on both sides: zero stays zero.
    const __m128 ratio = _mm_and_ps(_mm_div_ps((__m128)x, scale), _mm_cmpneq_ps((__m128)x, zero));
    return vector_clip4((vector_float4)ratio, limit);
#else
    for (int k = 0; k < 4; k++) {
        const float size = x[k] < 0 ? -x[k] : x[k];
        const float scale = squares[k] > 0 ? __builtin_sqrtf(mean_square[k]) : size;
        x[k] = x[k] != 0 ? x[k] / scale : 0;
    }
    return vector_clip4(x, limit);
#endif
}

/// Writes the rows of the 4 x 4 matrix whose columns are a, b, c, d.
static inline void vector_transpose4(vector_float4 a, vector_float4 b, vector_float4 c, vector_float4 d,
                                     vector_float4 *rows) {
    const vector_float4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const vector_float4 ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(ef, gh, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(ef, gh, 2, 3, 6, 7);
}

#endif
