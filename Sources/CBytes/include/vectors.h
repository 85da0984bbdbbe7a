// Vector operations that Swift's SIMD types spell but compile lane by lane: correctly rounded square roots, bounds.
// Every function is static inline; results are equal on every machine.
#ifndef THALWEG_VECTORS_H
#define THALWEG_VECTORS_H

#include <stdint.h>

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

/// x where its size is above `least`, else 0; 0 for no number.
static inline vector_float4 vector_flush4(vector_float4 x, float least) {
#if defined(__SSE2__)
    const __m128 size = _mm_andnot_ps(_mm_set1_ps(-0.0f), (__m128)x);
    return (vector_float4)_mm_and_ps((__m128)x, _mm_cmpgt_ps(size, _mm_set1_ps(least)));
#else
    for (int k = 0; k < 4; k++) x[k] = (x[k] < 0 ? -x[k] : x[k]) > least ? x[k] : 0;
    return x;
#endif
}

static inline vector_float4 vector_load4(const float *from) {
    vector_float4 x;
    __builtin_memcpy(&x, from, sizeof x);
    return x;
}

static inline void vector_store4(float *to, vector_float4 x) { __builtin_memcpy(to, &x, sizeof x); }

/// What a step of Adam takes beside weights, moments and gradients.
typedef struct {
    float decay1, decay2, rate, correction, epsilon, l2;
    /// Gradients and weights stay within; moments smaller than this become 0.
    float largest, least;
} vector_adam_rule;

/// A step of four weights. The bounds come after the flush: what is no number is 0.
static inline void vector_adam4(
    float *weights, float *firsts, float *seconds, const float *gradients, const vector_adam_rule *rule) {
    const vector_float4 weight = vector_load4(weights);
    const vector_float4 given = vector_flush4(vector_load4(gradients) + rule->l2 * weight, rule->least);
    const vector_float4 gradient = vector_clip4(given, rule->largest);
    const vector_float4 first =
        vector_flush4(rule->decay1 * vector_load4(firsts) + (1 - rule->decay1) * gradient, rule->least);
    const vector_float4 second =
        vector_flush4(rule->decay2 * vector_load4(seconds) + (1 - rule->decay2) * gradient * gradient, rule->least);
    vector_store4(firsts, first);
    vector_store4(seconds, second);
    const vector_float4 root = vector_sqrt4(second * rule->correction) + rule->epsilon;
    vector_store4(weights, vector_clip4(weight - rule->rate * first / root, rule->largest));
}

/// A step of four numbers by AdaGrad, with sums of squares that begin at 1; `adaptive` 0: by the rate alone. What would be
/// no number, or beyond `largest`, is 0 or that.
static inline void vector_adagrad4(
    float *numbers, float *sums, vector_float4 gradient, float rate, int adaptive, float largest) {
    vector_float4 step = rate * vector_clip4(vector_flush4(gradient, 1e-18f), 1e15f);
    if (adaptive) {
        const vector_float4 slope = vector_clip4(vector_flush4(gradient, 1e-18f), 1e15f);
        const vector_float4 squares = vector_clip4(vector_load4(sums) + slope * slope, 1e35f);
        vector_store4(sums, squares);
        step /= vector_sqrt4(squares + 1.0f);
    }
    vector_store4(numbers, vector_clip4(vector_load4(numbers) - step, largest));
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

/// The absolute value of each lane.
static inline vector_float4 vector_size4(vector_float4 x) {
#if defined(__SSE2__)
    return (vector_float4)_mm_andnot_ps(_mm_set1_ps(-0.0f), (__m128)x);
#else
    return (vector_float4){__builtin_fabsf(x.x), __builtin_fabsf(x.y), __builtin_fabsf(x.z), __builtin_fabsf(x.w)};
#endif
}

/// Whether every lane is at least `limit`; NaN is not.
static inline int vector_reaches4(vector_float4 x, float limit) {
#if defined(__SSE2__)
    return _mm_movemask_ps(_mm_cmpge_ps((__m128)x, _mm_set1_ps(limit))) == 15;
#else
    return x.x >= limit && x.y >= limit && x.z >= limit && x.w >= limit;
#endif
}

/// Whether two of four indices are equal.
static inline int vector_repeats4(const uint32_t *p) {
#if defined(__SSE2__)
    const __m128i all = _mm_loadu_si128((const __m128i *)p);
    const __m128i next = _mm_shuffle_epi32(all, _MM_SHUFFLE(0, 3, 2, 1));
    const __m128i after = _mm_shuffle_epi32(all, _MM_SHUFFLE(1, 0, 3, 2));
    return _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi32(all, next), _mm_cmpeq_epi32(all, after))) != 0;
#else
    return p[0] == p[1] || p[0] == p[2] || p[0] == p[3] || p[1] == p[2] || p[1] == p[3] || p[2] == p[3];
#endif
}

/// One step of normalized adaptive gradient descent on four slots (weight, sum, scale, rate), lane by lane the
/// operations of single precision in their order: sum += g x x, the scale becomes the largest |x| and the weight shrinks
/// with it, rate = 1 / (scale root(sum)), at most `largest` each. norm and reach are what each feature adds to them.
static inline void vector_adapt4(vector_float4 *a, vector_float4 *b, vector_float4 *c, vector_float4 *d,
                                 vector_float4 x, float g, float largest, vector_float4 *norm, vector_float4 *reach) {
#pragma STDC FP_CONTRACT OFF
    vector_float4 lanes[4];
    vector_transpose4(*a, *b, *c, *d, lanes);
    const vector_float4 square = x * x, bound = largest, one = 1;
    vector_float4 weight = lanes[0], scale = lanes[2];
    const vector_float4 raised = lanes[1] + g * square;
#if defined(__SSE2__)
    const vector_float4 sum = (vector_float4)_mm_min_ps((__m128)raised, (__m128)bound);
    const __m128 grown = _mm_cmpgt_ps((__m128)x, (__m128)scale);
    if (_mm_movemask_ps(grown) != 0) {
        const __m128 known = _mm_and_ps(grown, _mm_cmpgt_ps((__m128)scale, _mm_setzero_ps()));
        const __m128 shrunk = (__m128)(weight * (scale / x));
        weight = (vector_float4)_mm_or_ps(_mm_and_ps(known, shrunk), _mm_andnot_ps(known, (__m128)weight));
        scale = (vector_float4)_mm_or_ps(_mm_and_ps(grown, (__m128)x), _mm_andnot_ps(grown, (__m128)scale));
    }
    *norm = (vector_float4)_mm_min_ps((__m128)(square / (scale * scale)), (__m128)one);
    const vector_float4 rate =
        (vector_float4)_mm_min_ps((__m128)(one / (scale * vector_sqrt4(sum))), (__m128)bound);
#else
    vector_float4 sum, rate;
    const vector_float4 old = scale;
    for (int k = 0; k < 4; k++) {
        sum[k] = raised[k] < largest ? raised[k] : largest;
        if (x[k] > old[k]) {
            if (old[k] > 0) weight[k] *= old[k] / x[k];
            scale[k] = x[k];
        }
    }
    *norm = square / (scale * scale);
    rate = one / (scale * vector_sqrt4(sum));
    for (int k = 0; k < 4; k++) {
        (*norm)[k] = (*norm)[k] <= 1 ? (*norm)[k] : 1;
        rate[k] = rate[k] < largest ? rate[k] : largest;
    }
#endif
    *reach = square * rate;
    vector_transpose4(weight, sum, scale, rate, lanes);
    *a = lanes[0], *b = lanes[1], *c = lanes[2], *d = lanes[3];
}

#endif
