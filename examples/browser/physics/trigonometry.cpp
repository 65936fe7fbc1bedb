// sinf and cosf with the results of the GNU C library (2.28 and later), which Gymnasium's Box2D calls.
//
// Other libraries round some results to the other neighbour, and then nearly every episode ends with another
// return. The algorithm and its coefficients are Arm's (optimized-routines, MIT licence): reduce by multiples of
// pi/2 in double precision, evaluate a short polynomial, round once. compare_trigonometry.py compares every float
// from -120 to 120 with the C library.
//
// What Gymnasium computes in double precision is rounded to float before Box2D sees it. There the last bit of a
// double is without effect but once in some hundred million times, and any good sine will do.

#include "trigonometry.h"

namespace {

constexpr double two_over_pi = 0x1.45F306DC9C883p-1;

double magnitude(double x) { return __builtin_fabs(x); }

// In two pieces, the first of which is exact for a number of quarters below 2^20.
double reduced_exactly(double x, int* quarters) {
    *quarters = static_cast<int>(__builtin_floor(x * two_over_pi + 0.5));
    return (x - *quarters * 1.57079632673412561417e+00) - *quarters * 6.07710050650619224932e-11;
}

// Coefficients for the precision of float, from Arm.
struct Single {
    static double sine(double x) {
        const double x2 = x * x, x3 = x * x2, high = 0x1.1107605230bc4p-7 + x2 * -0x1.994eb3774cf24p-13;
        return (x + x3 * -0x1.555545995a603p-3) + x3 * x2 * high;
    }
    static double cosine(double x) {
        const double x2 = x * x, x4 = x2 * x2, high = -0x1.6c087e89a359dp-10 + x2 * 0x1.99343027bf8c3p-16;
        return (1.0 + x2 * -0x1.ffffffd0c621cp-2 + x4 * 0x1.55553e1068f19p-5) + x4 * x2 * high;
    }
    // Rounded as the C library does up to 120: every bit of it counts. No lander ever turns further than that.
    static double reduced(double x, int* quarters) {
        if (!(magnitude(x) < 120.0)) return reduced_exactly(x, quarters);
        *quarters = (static_cast<int>(x * (two_over_pi * 0x1p24)) + 0x800000) >> 24;
        // The C library fuses this product and difference on processors that can. In two exact pieces, whose
        // products and whose first difference are exact too, it is rounded once as well.
        return (x - *quarters * 0x1.921FB54442p0) - *quarters * 0x1.A3p-41;
    }
};

// Taylor's, up to |x| = pi/4.
struct Double {
    static double series(double x2, double first, int from) {
        double sum = 0.0;
        // From the smallest term on, so that their rounding does not add up.
        for (int n = from + 14; n >= from; n -= 2) sum = first - x2 * sum / ((n + 1) * (n + 2));
        return sum;
    }
    static double sine(double x) { return x - x * x * x * series(x * x, 1.0, 3) / 6; }
    static double cosine(double x) { return 1.0 - x * x * series(x * x, 1.0, 2) / 2; }
    static double reduced(double x, int* quarters) { return reduced_exactly(x, quarters); }
};

// The sine of x + `ahead` quarter turns.
template <class Precision>
double sine_ahead(double x, int ahead) {
    int quarters;
    const double rest = Precision::reduced(x, &quarters);
    const int phase = (quarters + ahead) & 3;
    const double value = phase & 1 ? Precision::cosine(rest) : Precision::sine(rest);
    return phase & 2 ? -value : value;
}

double exponential(double x) {
    const int doublings = static_cast<int>(__builtin_floor(x * 1.44269504088896338700e+00 + 0.5));
    const double rest = (x - doublings * 6.93147180369123816490e-01) - doublings * 1.90821492927058770002e-10;
    double sum = 1.0;
    for (int n = 16; n >= 1; n--) sum = 1.0 + rest * sum / n;
    for (int i = 0; i < doublings; i++) sum *= 2.0;
    for (int i = 0; i > doublings; i--) sum *= 0.5;
    return sum;
}

}  // namespace

double sine(double x) { return sine_ahead<Double>(x, 0); }
double cosine(double x) { return sine_ahead<Double>(x, 1); }

// Of numbers up to 2 in size, the sum of two sines.
double hyperbolic_tangent(double x) { return 1.0 - 2.0 / (exponential(2.0 * x) + 1.0); }

// Below 2^-12 the polynomials give x itself but for -0, and 1.
extern "C" float sinf(float x) { return magnitude(x) < 0x1p-12 ? x : static_cast<float>(sine_ahead<Single>(x, 0)); }
extern "C" float cosf(float x) { return magnitude(x) < 0x1p-12 ? 1.0f : static_cast<float>(sine_ahead<Single>(x, 1)); }
